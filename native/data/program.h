// Programs of augmentation: what is to be done with one image, as a list of numbers.
//
// A program is a sequence of operations, each an opcode and its operands. JavaScript writes it, with all that is random
// drawn (lib/data/augment/program.ts). For the many numbers of noise, the program holds a key.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "data/image.h"

namespace mbconv {

// Changes the image in place. Uses no state but its arguments, so that any thread may call it.
//
// Throws Error ERR_VALUE for a program with an unknown opcode, a missing operand or one out of range. The image may be
// changed in part then.
void applyProgram(Image& image, const double* program, size_t length);

// The operations in the order of their opcodes, which count from 1: [name, operand, …].
std::vector<std::vector<std::string>> programOperations();

}  // namespace mbconv
