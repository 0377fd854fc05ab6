#include "fanion/define_op.h"

#include <ATen/core/enum_tag.h>
#include <torch/csrc/jit/frontend/function_schema_parser.h>

#include <algorithm>

namespace fanion {

std::vector<at::Tag> tags_of(const std::string& text, InGraphs in_graphs) {
  const auto schema = torch::jit::parseSchema(text);
  const auto is_object = [](const c10::Argument& x) { return x.type()->str().find("__torch__") != std::string::npos; };
  const auto is_tensor = [](const c10::Argument& x) { return x.type()->kind() == c10::TypeKind::TensorType; };
  const bool for_graphs = in_graphs != InGraphs::never && std::ranges::all_of(schema.returns(), is_tensor) &&
                          std::ranges::none_of(schema.arguments(), is_object);
  return for_graphs ? std::vector<at::Tag>{} : std::vector<at::Tag>{at::Tag::data_dependent_output};
}

}  // namespace fanion
