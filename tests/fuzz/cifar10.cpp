#include "data/cifar10.h"

#include <filesystem>

#include "target.h"

namespace fanion::fuzz {
namespace {

/// The first line is counts.json, the rest both files of images.
void read_cifar10(std::string_view input) {
  const auto end = std::min(input.find('\n'), input.size());
  const auto images = input.substr(std::min(end + 1, input.size()));
  const std::filesystem::path counts = file_of(input.substr(0, end), "counts.json");
  file_of(images, "data_batch_1.bin");
  file_of(images, "test_batch.bin");
  const auto found = data::read_cifar10(counts.parent_path());
  TORCH_CHECK(found.training.count() == data::cifar10_training_images(counts.parent_path()),
              "another number of images");
}

}  // namespace

Target cifar10() {
  const std::string image = '\3' + std::string(3072, 'x');
  return {"cifar10",
          {"{\"data_batch_1.bin\": 1, \"test_batch.bin\": 1}\n" + image,
           "{\"data_batch_1.bin\": 2, \"test_batch.bin\": 2}\n" + image + image,
           "{\"data_batch_1.bin\": 18446744073709551615}\n" + image, "{\"data_batch_1.bin\": 1.5}\n" + image,
           "{\"test_batch.bin\": -1}\n", std::string(100, '[') + "\n" + image},
          {"{", "}", "\"data_batch_1.bin\"", "\"test_batch.bin\"", ":", ",", "1", "2", "1e300", "null", "\n", image},
          read_cifar10};
}

}  // namespace fanion::fuzz
