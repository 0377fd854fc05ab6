#include <c10/util/Exception.h>

#include "record/log_lines.h"
#include "target.h"

namespace fanion::fuzz {
namespace {

void read_metrics(std::string_view input) {
  const auto log = record::parse_log(input, "metrics.jsonl");
  std::string kept;
  for (const auto& line : log.lines) kept += line.dump() + "\n";
  const auto again = record::parse_log(kept, "metrics.jsonl");
  TORCH_CHECK(again.lines == log.lines && again.dropped.empty(), "what was kept reads otherwise");
}

}  // namespace

Target metrics() {
  return {"metrics",
          {"{\"step\":0,\"validation_loss\":5.5}\n{\"loss\":5.25,\"step\":1}\n", "{\"loss\":3.25,\"st",
           "{\"step\":1,\"loss\":null}\n", "{\"step\":1e300}\n", "{\"step\":18446744073709551615}\n",
           "{\"step\":1,\"loss\":1e400}\n", std::string(4, '\0'), "\n\n",
           std::string(3000, '[') + "\n" + std::string(3000, '{')},
          {"{", "}", "\"step\":", "\"loss\":", "\"validation_loss\":", "\"seconds\":", "null", ",", "\n", "1e-300",
           "-1", "9223372036854775807"},
          read_metrics};
}

}  // namespace fanion::fuzz
