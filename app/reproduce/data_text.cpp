#include "reproduce/data_text.h"

#include <c10/util/StringUtil.h>

#include "data/cifar10.h"

namespace fanion::reproduce {

std::string data_text(const Request& request) {
  if (request.data.empty()) return "the 300 training and 100 test images that come with the program";
  const auto folder = std::filesystem::path(request.data);
  return c10::str("CIFAR-10 of ", folder.filename().string(), ", the first ", data::cifar10_training_images(folder),
                  " training images");
}

}  // namespace fanion::reproduce
