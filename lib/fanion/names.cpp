#include "fanion/names.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace fanion {
namespace {

char folded(char c) { return c == '-' ? '_' : c; }

std::string without_separators(std::string_view name) {
  std::string letters;
  std::copy_if(name.begin(), name.end(), std::back_inserter(letters), [](char c) { return folded(c) != '_'; });
  return letters;
}

/// Edits from a to b: the optimal string alignment distance.
std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return folded(x) == folded(y); });
}

std::string did_you_mean(std::string_view given, std::string_view names) {
  constexpr std::size_t kShortest = 3, kLongest = 64;  // nothing is near "", and no name is that long
  if (given.size() < kShortest || given.size() > kLongest) return "";
  std::size_t fewest = given.size() < 6 ? 1 : 2;
  std::string_view nearest;
  for (std::size_t begin = 0; begin < names.size();) {
    const auto end = std::min(names.find(", ", begin), names.size());
    const auto name = names.substr(begin, end - begin);
    const auto count = edits(without_separators(given), without_separators(name));
    if (count < fewest || (count == fewest && nearest.empty())) {
      fewest = count;
      nearest = name;
    }
    begin = end + 2;
  }
  return nearest.empty() ? "" : c10::str(" (did you mean '", nearest, "'?)");
}

}  // namespace fanion
