#include "fanion/norms/rule_text.h"

#include <charconv>

#include "fanion/dtype_names.h"

namespace fanion::norms {

std::string text_of(double x) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), x).ptr;
  return {buffer.data(), end};
}

std::string text_of(const TripletOptions& options) {
  auto method = c10::str("svd=", linalg::name_of(options.method));
  if (!keeps_warm_start(options)) return method;
  method += c10::str(",passes=", options.passes);
  return options.oversample ? c10::str(method, ",oversample=", *options.oversample) : method;
}

std::string text_of(const linalg::NewtonSchulzOptions& options) {
  std::string text = c10::str("ns_steps=", options.steps, ",ns_coefficients=");
  for (std::size_t i = 0; i < options.coefficients.size(); ++i) {
    const auto& [a, b, c] = options.coefficients[i];
    text += c10::str(i == 0 ? "" : "/", text_of(a), "/", text_of(b), "/", text_of(c));
  }
  if (options.eps != 0) text += ",eps=" + text_of(options.eps);
  if (options.form != linalg::NewtonSchulzForm::automatic) text += c10::str(",ns_form=", linalg::name_of(options.form));
  if (options.norm != linalg::NewtonSchulzNorm::frobenius) text += c10::str(",ns_norm=", linalg::name_of(options.norm));
  if (options.dtype) text += c10::str(",ns_dtype=", dtype_name(*options.dtype));
  return text;
}

}  // namespace fanion::norms
