#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace fanion::data {

/// The JSON value of a text, at most 32 levels deep: everything that walks a value recursively is then safe.
/// Throws, beginning with `source`, with the place and what is wrong there.
nlohmann::json parse_json(std::string_view text, const std::string& source);

/// The same of a whole file.
nlohmann::json read_json(const std::filesystem::path& file);

/// A value as an error shows it: numbers, words and short texts as they stand, longer texts cut, of the rest what and
/// how many: "an array of 3".
std::string shown(const nlohmann::json& value);

}  // namespace fanion::data
