#include "data/cifar10.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <map>
#include <nlohmann/json.hpp>

#include "data/json_text.h"
#include "data/open_file.h"

namespace fanion::data {
namespace {

constexpr int64_t kPixels = int64_t{3} * 32 * 32;
constexpr int64_t kRecord = 1 + kPixels;
constexpr int64_t kOfficialCount = 10000;
constexpr int64_t kMostImages = 10'000'000;
constexpr int64_t kClasses = 10;

/// What counts.json says of each file; empty without one.
std::map<std::string, int64_t> counts_of(const std::filesystem::path& folder) {
  const auto file = folder / "counts.json";
  if (!std::filesystem::exists(file)) return {};
  const auto json = read_json(file);
  std::map<std::string, int64_t> counts;
  TORCH_CHECK_VALUE(json.is_object(), file.string(), ": is no JSON object of numbers of images");
  for (const auto& [name, count] : json.items()) {
    TORCH_CHECK_VALUE(count.is_number_integer() && count >= 1 && count <= kMostImages, file.string(), ": ", name,
                      " cannot hold ", shown(count), " images; from 1 to ", kMostImages, " are possible");
    counts[name] = count.get<int64_t>();
  }
  return counts;
}

int64_t count_of(const std::map<std::string, int64_t>& counts, const std::filesystem::path& file) {
  const auto found = counts.find(file.filename().string());
  return found == counts.end() ? kOfficialCount : found->second;
}

LabelledImages read_file(const std::filesystem::path& file, int64_t count) {
  auto [in, size, name] = open_file(file);
  TORCH_CHECK_VALUE(size == count * kRecord, name, ": ", size, " bytes; ", count, " images of ", kRecord, " bytes are ",
                    count * kRecord);
  auto records = at::empty({count, kRecord}, at::kByte);
  in.read(reinterpret_cast<char*>(records.data_ptr<uint8_t>()), size);
  TORCH_CHECK_VALUE(in.gcount() == size, name, ": could not read its ", size, " bytes");
  const auto labels = records.select(1, 0).to(at::kLong);
  for (int64_t i = 0; i < count; ++i) {
    const auto label = labels.const_data_ptr<int64_t>()[i];
    TORCH_CHECK_VALUE(label < kClasses, name, ": image ", i, " has the label ", label, "; labels are 0 to 9");
  }
  return {records.narrow(1, 1, kPixels).reshape({count, 3, 32, 32}).contiguous(), labels};
}

}  // namespace

std::vector<std::filesystem::path> cifar10_files(const std::filesystem::path& folder) {
  TORCH_CHECK_VALUE(std::filesystem::is_directory(folder), folder.string(),
                    ": no such folder; 'fanion data --help' says how to get one of CIFAR-10");
  std::vector<std::filesystem::path> files;
  for (int i = 1;; ++i) {
    const auto file = folder / ("data_batch_" + std::to_string(i) + ".bin");
    if (!std::filesystem::exists(file)) break;
    files.push_back(file);
  }
  TORCH_CHECK_VALUE(!files.empty(), folder.string(), " has no data_batch_1.bin; it is no folder of CIFAR-10");
  const auto test = folder / "test_batch.bin";
  TORCH_CHECK_VALUE(std::filesystem::exists(test), folder.string(), " has no test_batch.bin");
  files.push_back(test);
  return files;
}

Cifar10 read_cifar10(const std::filesystem::path& folder) {
  const auto files = cifar10_files(folder);
  const auto counts = counts_of(folder);
  std::vector<at::Tensor> pixels, labels;
  for (std::size_t i = 0; i + 1 < files.size(); ++i) {
    auto part = read_file(files[i], count_of(counts, files[i]));
    pixels.push_back(std::move(part.pixels));
    labels.push_back(std::move(part.labels));
  }
  return {{at::cat(pixels), at::cat(labels)}, read_file(files.back(), count_of(counts, files.back()))};
}

int64_t cifar10_training_images(const std::filesystem::path& folder) {
  const auto files = cifar10_files(folder);
  const auto counts = counts_of(folder);
  int64_t images = 0;
  for (std::size_t i = 0; i + 1 < files.size(); ++i) images += count_of(counts, files[i]);
  return images;
}

}  // namespace fanion::data
