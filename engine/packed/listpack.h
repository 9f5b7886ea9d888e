#pragma once
#include "persistence/packed/listpack.h"
