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

/// How a parameter holds its matrices; what `LmoStepOptions` says of it.
struct Holding {
  bool transposed = false, flatten = true;
  Sizes split_sizes = {};
  bool operator==(const Holding&) const = default;
};

/// A parameter with its first name, and the role that all places of it give.
struct HeldParameter {
  std::string name, holder;
  at::Tensor parameter;
  GroupRole role;
  Holding holding = {};
};

/// Q, K and V where a module packs them into one parameter.
Holding holding_at(const Module& module, std::string_view attribute, const at::Tensor& p) {
  const bool is_packed = is_one_of<torch::nn::MultiheadAttentionImpl>(module) && attribute == "in_proj_weight";
  return is_packed ? Holding{.split_sizes = Sizes(3, p.size(0) / 3)} : Holding{};
}

std::vector<HeldParameter> entries_of(const std::vector<PlacedModule>& modules, const std::string& head, bool split) {
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
        entries.push_back({name.empty() ? each.key() : c10::str(name, ".", each.key()), name, p, role,
                           split ? holding_at(*module, each.key(), p) : Holding{}});
    }
  }
  return entries;
}

HeldParameter& entry_named(std::vector<HeldParameter>& entries, const std::string& name, const char* list) {
  const auto found = std::ranges::find(entries, name, &HeldParameter::name);
  TORCH_CHECK_VALUE(found != entries.end(), "ParamGroupOptions::", list, " names '", name,
                    "', which is no parameter; names look like '", entries.front().name, "'");
  return *found;
}

/// Roles and holdings that the options' lists give.
void give_roles(std::vector<HeldParameter>& entries, const ParamGroupOptions& options) {
  for (const auto& name : options.experts) {
    auto& entry = entry_named(entries, name, "experts");
    TORCH_CHECK_VALUE(entry.parameter.dim() > 2, "ParamGroupOptions::experts names '", name, "' of shape ",
                      entry.parameter.sizes(), ", which is no stack of matrices");
    entry.role = GroupRole::matrix, entry.holding = {.flatten = false};
  }
  const auto give_matrix = [&](const std::string& name, const char* list, bool transposed) {
    auto& entry = entry_named(entries, name, list);
    TORCH_CHECK_VALUE(entry.parameter.dim() == 2 || (transposed && !entry.holding.flatten), "ParamGroupOptions::", list,
                      " names '", name, "' of shape ", entry.parameter.sizes(), ", which is no matrix");
    entry.role = GroupRole::matrix;
    entry.holding = {.transposed = transposed, .flatten = entry.holding.flatten};
  };
  for (const auto& name : options.matrix) give_matrix(name, "matrix", false);
  for (const auto& name : options.transposed) give_matrix(name, "transposed", true);
  for (const auto& [name, sizes] : options.packed) {
    auto& entry = entry_named(entries, name, "packed");
    TORCH_CHECK_VALUE(entry.parameter.dim() >= 2, "ParamGroupOptions::packed names '", name, "' of shape ",
                      entry.parameter.sizes(), ", which is no matrix");
    if (entry.holding.flatten && entry.parameter.dim() == 2) entry.role = GroupRole::matrix;
    entry.holding.split_sizes = sizes;
  }
  for (const auto& name : options.adamw) entry_named(entries, name, "adamw").role = GroupRole::vectors;
}

/// The rule's settings for parameters that hold their matrices like this.
LmoSettings settings_for(LmoSettings rule, const Holding& holding) {
  rule.step.transposed = holding.transposed, rule.step.flatten = holding.flatten;
  rule.step.split_sizes = holding.split_sizes;
  return rule;
}

/// The holdings of the entries under the rule, one matrix first.
std::vector<Holding> holdings_of(const std::vector<HeldParameter>& entries) {
  std::vector<Holding> holdings{{}};
  for (const auto& e : entries)
    if (e.role == GroupRole::matrix && std::ranges::count(holdings, e.holding) == 0) holdings.push_back(e.holding);
  return holdings;
}

}  // namespace

std::vector<ParamGroup> param_groups(const Module& model, const LmoSettings& rule, const AdamWOptions& adamw,
                                     const ParamGroupOptions& options) {
  const auto modules = modules_of(model);
  const auto head = options.head ? *options.head : found_head(modules);
  TORCH_CHECK_VALUE(head.empty() || std::ranges::count(modules, head, &PlacedModule::name) == 1,
                    "ParamGroupOptions::head names '", head, "', which is no module of the model");
  auto entries = entries_of(modules, head, options.split);
  std::erase_if(entries, [](const HeldParameter& e) { return !e.parameter.requires_grad(); });
  TORCH_CHECK_VALUE(!entries.empty(), "the model has no parameter that requires a gradient");
  give_roles(entries, options);
  for (const auto& e : entries)
    TORCH_CHECK_VALUE(e.role != GroupRole::unknown, "parameter '", e.name, "' of shape ", e.parameter.sizes(),
                      " is held by ", e.holder.empty() ? "the model itself" : "module '" + e.holder + "'",
                      ", whose type does not tell what it is for: name it in ParamGroupOptions::matrix if it is ",
                      "stored out x in, in ::transposed if in x out, in ::experts if it is a stack of such, else in "
                      "::adamw");

  auto undecayed = adamw;
  undecayed.weight_decay = 0;
  std::vector<ParamGroup> groups;
  const auto add_group = [&](GroupSettings settings, const auto& is_of_it) {
    ParamGroup group{{}, std::move(settings), {}};
    for (const auto& e : entries) {
      if (!is_of_it(e)) continue;
      group.params.push_back(e.parameter);
      group.names.push_back(e.name);
    }
    if (!group.params.empty()) groups.push_back(std::move(group));
  };
  for (const auto& holding : holdings_of(entries))
    add_group(settings_for(rule, holding),
              [&](const auto& e) { return e.role == GroupRole::matrix && e.holding == holding; });
  for (const auto role : {GroupRole::embedding, GroupRole::head, GroupRole::vectors})
    add_group(role == GroupRole::vectors ? undecayed : adamw, [&](const auto& e) { return e.role == role; });
  return groups;
}

}  // namespace fanion::optim
