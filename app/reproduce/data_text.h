#pragma once

#include <string>

#include "reproduce/reproduction.h"

namespace fanion::reproduce {

/// What a request's trainings on images see, for records: "CIFAR-10 of FOLDER: 50000 training and 10000 test images".
std::string data_text(const Request& request);

}  // namespace fanion::reproduce
