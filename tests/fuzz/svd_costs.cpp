#include "fanion/linalg/cost_model.h"
#include "target.h"

namespace fanion::fuzz {
namespace {

void read_svd_costs(std::string_view input) {
  const auto costs = linalg::read_costs(file_of(input, "svd_costs.json"));
  const auto text = linalg::to_json(costs);
  TORCH_CHECK(linalg::to_json(linalg::read_costs(file_of(text, "again.json"))) == text,
              "what was written reads otherwise");
}

}  // namespace

Target svd_costs() {
  const auto sound = linalg::to_json(linalg::default_costs());
  return {"svd_costs",
          {sound, sound.substr(0, sound.size() / 2), "{\"single\": {\"gram\": []}}", "[1]", std::string(5000, '['),
           "{\"single\": {\"gram\": 1e400, \"gemm\": null}, \"eigh\": -1}"},
          {"\"single\"", "\"twice\"", "\"gram\"", "\"eigh\"", "\"step\"", "[", "]", "{", "}", ",", ":", "null",
           "1e-300", "-1", "\"1\"", "18446744073709551615"},
          read_svd_costs};
}

}  // namespace fanion::fuzz
