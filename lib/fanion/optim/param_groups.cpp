#include "fanion/optim/param_groups.h"

#include <torch/nn/module.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/instancenorm.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>
#include <torch/nn/modules/rnn.h>

#include <algorithm>
#include <string_view>

namespace fanion::optim {
namespace {

using torch::nn::Module;

/// In the order in which a shared parameter takes the first that a place of it has.
enum class GroupRole { embedding, head, vectors, matrix, unknown };

template <class... Kinds>
bool is_one_of(const Module& module) {
  return ((dynamic_cast<const Kinds*>(&module) != nullptr) || ...);
}

bool is_norm_layer(const Module& m) {
  using namespace torch::nn;
  return is_one_of<LayerNormImpl, GroupNormImpl, BatchNorm1dImpl, BatchNorm2dImpl, BatchNorm3dImpl, InstanceNorm1dImpl,
                   InstanceNorm2dImpl, InstanceNorm3dImpl>(m);
}

bool is_embedding(const Module& m) { return is_one_of<torch::nn::EmbeddingImpl, torch::nn::EmbeddingBagImpl>(m); }

/// Whether its weight is a matrix, the first dimension by all others.
bool holds_a_matrix(const Module& m) {
  using namespace torch::nn;
  return is_one_of<LinearImpl, Conv1dImpl, Conv2dImpl, Conv3dImpl>(m);
}

/// Whether all that it holds with two dimensions are matrices.
bool holds_matrices(const Module& m) {
  using namespace torch::nn;
  return is_one_of<RNNImpl, LSTMImpl, GRUImpl, RNNCellImpl, LSTMCellImpl, GRUCellImpl, MultiheadAttentionImpl>(m);
}

GroupRole role_at(const Module& module, std::string_view attribute, const at::Tensor& p, bool in_head) {
  if (p.dim() < 2 || p.numel() == 0 || is_norm_layer(module)) return GroupRole::vectors;
  if (in_head) return GroupRole::head;
  if (attribute == "weight" && is_embedding(module)) return GroupRole::embedding;
  if (attribute == "weight" && holds_a_matrix(module)) return GroupRole::matrix;
  const bool one_vector = std::ranges::count_if(p.sizes(), [](int64_t size) { return size > 1; }) <= 1;
  if (holds_matrices(module)) return one_vector ? GroupRole::vectors : GroupRole::matrix;
  return one_vector ? GroupRole::vectors : GroupRole::unknown;
}

struct PlacedModule {
  std::string name;  ///< "" for the model itself
  const Module* module;
};

std::vector<PlacedModule> modules_of(const Module& model) {
  std::vector<PlacedModule> modules = {{"", &model}};
  for (const auto& each : model.named_modules("", /*include_self=*/false))
    modules.push_back({each.key(), each.value().get()});
  return modules;
}

/// The head's name, "" for none, as ParamGroupOptions says.
std::string found_head(const std::vector<PlacedModule>& modules) {
  std::vector<std::pair<std::string, const torch::nn::LinearImpl*>> linears;
  std::vector<int64_t> rows;
  bool convolutions = false;
  for (const auto& [name, module] : modules) {
    if (const auto* linear = dynamic_cast<const torch::nn::LinearImpl*>(module))
      linears.emplace_back(name, linear);
    else if (const auto* table = dynamic_cast<const torch::nn::EmbeddingImpl*>(module))
      rows.push_back(table->weight.size(0));
    else if (const auto* bag = dynamic_cast<const torch::nn::EmbeddingBagImpl*>(module))
      rows.push_back(bag->weight.size(0));
    else
      convolutions = convolutions || holds_a_matrix(*module);
  }
  if (linears.empty()) return "";
  const auto& [name, last] = linears.back();
  if (!rows.empty()) {
    TORCH_CHECK_VALUE(std::ranges::count(rows, last->weight.size(0)) > 0, "the last Linear layer, '", name, "', has ",
                      last->weight.size(0), " outputs and no embedding as many rows: give the head's name in ",
                      "ParamGroupOptions::head, or \"\" for none");
    return name;
  }
  const auto alike = [&](const auto& other) { return other.second->weight.sizes() == last->weight.sizes(); };
  return std::ranges::count_if(linears, alike) == 1 && (linears.size() > 1 || convolutions) ? name : "";
}

/// A parameter with its first name, and the role that all places of it give.
struct HeldParameter {
  std::string name, holder;
  at::Tensor parameter;
  GroupRole role;
};

std::vector<HeldParameter> entries_of(const std::vector<PlacedModule>& modules, const std::string& head) {
  std::vector<HeldParameter> entries;
  for (const auto& [name, module] : modules) {
    const bool in_head = !head.empty() && (name == head || name.starts_with(head + "."));
    for (const auto& each : module->named_parameters(/*recurse=*/false)) {
      const auto& p = each.value();
      const auto role = role_at(*module, each.key(), p, in_head);
      const auto seen = std::ranges::find_if(entries, [&](const HeldParameter& e) { return e.parameter.is_same(p); });
      if (seen != entries.end())
        seen->role = std::min(seen->role, role);
      else
        entries.push_back({name.empty() ? each.key() : c10::str(name, ".", each.key()), name, p, role});
    }
  }
  return entries;
}

void give_role(std::vector<HeldParameter>& entries, const std::vector<std::string>& names, GroupRole role,
               const char* list) {
  for (const auto& name : names) {
    const auto found = std::ranges::find(entries, name, &HeldParameter::name);
    TORCH_CHECK_VALUE(found != entries.end(), "ParamGroupOptions::", list, " names '", name,
                      "', which is no parameter; names look like '", entries.front().name, "'");
    TORCH_CHECK_VALUE(role != GroupRole::matrix || found->parameter.dim() == 2, "ParamGroupOptions::matrix names '",
                      name, "' of shape ", found->parameter.sizes(), ", which is no matrix");
    found->role = role;
  }
}

}  // namespace

std::vector<ParamGroup> param_groups(const Module& model, const LmoSettings& rule, const AdamWOptions& adamw,
                                     const ParamGroupOptions& options) {
  const auto modules = modules_of(model);
  const auto head = options.head ? *options.head : found_head(modules);
  TORCH_CHECK_VALUE(head.empty() || std::ranges::count(modules, head, &PlacedModule::name) == 1,
                    "ParamGroupOptions::head names '", head, "', which is no module of the model");
  auto entries = entries_of(modules, head);
  std::erase_if(entries, [](const HeldParameter& e) { return !e.parameter.requires_grad(); });
  TORCH_CHECK_VALUE(!entries.empty(), "the model has no parameter that requires a gradient");
  give_role(entries, options.matrix, GroupRole::matrix, "matrix");
  give_role(entries, options.adamw, GroupRole::vectors, "adamw");

  auto undecayed = adamw;
  undecayed.weight_decay = 0;
  std::vector<ParamGroup> groups;
  for (const auto role : {GroupRole::matrix, GroupRole::embedding, GroupRole::head, GroupRole::vectors}) {
    ParamGroup group;
    if (role == GroupRole::matrix)
      group.settings = rule;
    else
      group.settings = role == GroupRole::vectors ? undecayed : adamw;
    for (const auto& e : entries) {
      TORCH_CHECK_VALUE(e.role != GroupRole::unknown, "parameter '", e.name, "' of shape ", e.parameter.sizes(),
                        " is held by ", e.holder.empty() ? "the model itself" : "module '" + e.holder + "'",
                        ", whose type does not tell what it is for: name it in ParamGroupOptions::matrix if it is ",
                        "stored out x in, else in ::adamw");
      if (e.role != role) continue;
      group.params.push_back(e.parameter);
      group.names.push_back(e.name);
    }
    if (!group.params.empty()) groups.push_back(std::move(group));
  }
  return groups;
}

}  // namespace fanion::optim
