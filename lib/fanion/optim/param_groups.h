#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fanion/optim/lmo_optimizer.h"

namespace torch::nn {
class Module;
}

namespace fanion::optim {

/// What the type of a module does not tell. Names as in the module's `named_modules()` and `named_parameters()`.
struct ParamGroupOptions {
  /// The module of the head, with all inside it; "" for no head. Without one: the last Linear if it is as wide as an
  /// embedding has rows; in a model without embeddings the last one if no other has its shape and there are others.
  std::optional<std::string> head = std::nullopt;
  /// Parameters that follow the rule, or AdamW, whatever holds them.
  std::vector<std::string> matrix = {}, adamw = {};
  /// Those that follow the rule stored in x out; and stacks of matrices, E x out x in, E x in x out where both name
  /// one.
  std::vector<std::string> transposed = {}, experts = {};
  /// How the rows (out) of parameters are split into matrices, each stepped as if alone.
  std::map<std::string, Sizes> packed = {};
  /// Whether MultiheadAttention's in_proj_weight is split into Q, K and V; where not, it is stepped as one matrix.
  bool split = true;
};

/// Splits a model into groups for `LmoOptimizer`: matrices under `rule`, a group for each way in which parameters hold
/// them (held_matrices.h), those that are one matrix first; embeddings, the head, and what is no matrix,
/// that without weight decay, under AdamW. Groups without parameters are left out; names are the parameters'.
///
/// \code
///   torch::nn::Sequential model(…);
///   optim::LmoOptimizer optimizer(optim::param_groups(*model, optim::muon({.lr = 0.02}), {.lr = 3e-3}));
/// \endcode
/// The type of the module that holds a parameter decides: weights of Linear, Conv1d to 3d, RNN, LSTM, GRU, their cells
/// and MultiheadAttention are matrices; those of Embedding and EmbeddingBag embeddings; norm layers, and all with fewer
/// than two dimensions that are not 1, are neither. A tensor that two modules share comes once, an embedding's share
/// first. Frozen parameters are left out. As Python's `fanion.param_groups`, which knows more types.
/// Throws naming the parameter and its module where the type does not tell; for a name that is none; where "head" is
/// not told and there are embeddings; for a model without parameters.
std::vector<ParamGroup> param_groups(const torch::nn::Module& model, const LmoSettings& rule,
                                     const AdamWOptions& adamw = {}, const ParamGroupOptions& options = {});

}  // namespace fanion::optim
