#pragma once

namespace stele {

/// Makes every data type known to type_ops(). Once per process, before anything else of the engine is used.
void register_types();

}  // namespace stele
