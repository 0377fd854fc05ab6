#include "data/npy_header.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace fanion::data {
namespace {

constexpr std::string_view kSpace = " \t\n\r\f\v";
constexpr std::size_t kLongestQuoted = 40;

/// Reads the literal from left to right.
class Reader {
 public:
  Reader(std::string_view text, const std::string& source) : rest_(text), source_(source) {}

  bool take(char wanted) {
    skip_space();
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char wanted) {
    if (!take(wanted)) fail(std::string("expected '") + wanted + "'");
  }
  /// A string in single or double quotes; NumPy writes none with a backslash.
  std::string_view string() {
    skip_space();
    const char quote = rest_.empty() ? ' ' : rest_.front();
    if (quote != '\'' && quote != '"') fail("expected a string");
    const auto end = rest_.find(quote, 1);
    if (end == std::string_view::npos) fail("a string without its end");
    const auto text = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return text;
  }
  bool truth() {
    skip_space();
    for (const auto& [word, value] : {std::pair<std::string_view, bool>{"True", true}, {"False", false}}) {
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(word.size());
      return value;
    }
    fail("expected True or False");
  }
  /// "(3, 4)", "(3,)", "()"; Python 2 wrote "3L".
  std::vector<int64_t> sizes() {
    std::vector<int64_t> found;
    expect('(');
    while (!take(')')) {
      if (!found.empty()) {
        expect(',');
        if (take(')')) break;
      }
      skip_space();
      int64_t size = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), size);
      if (error != std::errc() || size < 0) fail("expected a size of 'shape' from 0 to 2^63 - 1");
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      if (rest_.starts_with('L')) rest_.remove_prefix(1);
      found.push_back(size);
    }
    return found;
  }
  char next() {
    skip_space();
    return rest_.empty() ? '\0' : rest_.front();
  }
  bool at_end() {
    skip_space();
    return rest_.empty();
  }
  [[noreturn]] void fail(const std::string& what) const {
    TORCH_CHECK_VALUE(false, source_, ": its .npy header is damaged: ", what,
                      rest_.empty() ? " before its end" : c10::str(" at '", rest_.substr(0, kLongestQuoted), "'"));
  }

 private:
  void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(kSpace), rest_.size())); }

  std::string_view rest_;
  const std::string& source_;
};

void read_dtype(Reader& reader, NpyHeader& header, const std::string& source) {
  constexpr const char* kAllowed =
      "allowed are float32, float64, float16 ('<f4', '<f8', '<f2', or big-endian '>f4', ...) and ml_dtypes' bfloat16 "
      "('<V2'); numpy.save(file, A.astype('float32')) writes one";
  TORCH_CHECK_VALUE(reader.next() != '[', source, ": holds a structured array; ", kAllowed);
  const auto descr = reader.string();
  constexpr std::array<std::pair<std::string_view, at::ScalarType>, 4> kTypes{
      {{"f4", at::kFloat}, {"f8", at::kDouble}, {"f2", at::kHalf}, {"V2", at::kBFloat16}}};
  header.big_endian = descr.starts_with('>');
  for (const auto& [name, dtype] : kTypes) {
    const bool brain = dtype == at::kBFloat16;
    if (descr.size() != 3 || descr.substr(1) != name) continue;
    if (descr[0] == '<' || (descr[0] == '>' && !brain) || (descr[0] == '|' && brain)) {
      header.dtype = dtype;
      return;
    }
  }
  TORCH_CHECK_VALUE(false, source, ": holds dtype '", descr.substr(0, kLongestQuoted), "'; ", kAllowed);
}

}  // namespace

NpyHeader parse_npy_header(std::string_view text, const std::string& source) {
  Reader reader(text, source);
  NpyHeader header;
  bool descr = false, order = false, shape = false;
  reader.expect('{');
  while (!reader.take('}')) {
    if (descr || order || shape) {
      reader.expect(',');
      if (reader.take('}')) break;
    }
    const auto key = reader.string();
    if (key != "descr" && key != "fortran_order" && key != "shape")
      reader.fail(c10::str("the key '", key.substr(0, kLongestQuoted),
                           "', where only 'descr', 'fortran_order' and 'shape' belong,"));
    auto& seen = key == "descr" ? descr : key == "fortran_order" ? order : shape;
    if (seen) reader.fail(c10::str("the key '", key, "' a second time"));
    seen = true;
    reader.expect(':');
    if (&seen == &descr)
      read_dtype(reader, header, source);
    else if (&seen == &order)
      header.fortran = reader.truth();
    else
      header.shape = reader.sizes();
  }
  for (const auto& [found, key] : {std::pair(descr, "descr"), {order, "fortran_order"}, {shape, "shape"}})
    TORCH_CHECK_VALUE(found, source, ": its .npy header has no '", key, "'");
  if (!reader.at_end()) reader.fail("more after the dict");
  return header;
}

}  // namespace fanion::data
