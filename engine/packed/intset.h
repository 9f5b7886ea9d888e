#pragma once
#include "persistence/packed/intset.h"
