#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "reproduce/figure.h"

namespace fanion::reproduce {

/// A quantity of a run at its validations, against steps times `per_step`, or against seconds of training.
Curve by_step(const std::filesystem::path& run, const std::string& label, const std::string& key, double per_step = 1);
Curve by_time(const std::filesystem::path& run, const std::string& label, const std::string& key);

/// The mean of curves over the same steps, with their standard deviation as its spread; x is averaged too.
Curve mean_of(const std::vector<Curve>& curves);

}  // namespace fanion::reproduce
