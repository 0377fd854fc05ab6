#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <vector>

namespace fanion::data {

/// Images with their classes.
struct LabelledImages {
  at::Tensor pixels;  ///< (N, 3, 32, 32) uint8: red, green, blue, each row by row
  at::Tensor labels;  ///< (N,) int64, 0 to 9

  int64_t count() const { return labels.numel(); }
};

/// CIFAR-10's images of one part of a folder.
struct Cifar10 {
  LabelledImages training;  ///< data_batch_1.bin, data_batch_2.bin, …
  LabelledImages test;      ///< test_batch.bin
};

/// The binary files of a folder, in order: data_batch_N.bin, then test_batch.bin. Throws where one is missing.
std::vector<std::filesystem::path> cifar10_files(const std::filesystem::path& folder);

/// Reads the official binary files: records of one byte label and 3072 bytes of pixels, 10,000 in each file; a folder
/// whose files hold other numbers of images says so in its counts.json, {"data_batch_1.bin": 300, …}.
///
/// Throws, naming the file, where it is missing, holds another number of bytes than it should, or a label above 9.
/// Source: cs.toronto.edu/~kriz/cifar.html.
Cifar10 read_cifar10(const std::filesystem::path& folder);

/// The number of training images that `read_cifar10` would give, by the sizes the files should have.
int64_t cifar10_training_images(const std::filesystem::path& folder);

}  // namespace fanion::data
