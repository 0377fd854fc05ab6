#include "reproduce/reproduction.h"

#include <c10/util/Exception.h>

#include "reproduce/airbench_figure.h"
#include "reproduce/ball_figures.h"
#include "reproduce/convex_tuned.h"
#include "reproduce/error_feedback.h"
#include "reproduce/fig_4.h"
#include "reproduce/finetune.h"
#include "reproduce/image_figures.h"
#include "reproduce/least_squares_figures.h"
#include "reproduce/norm_ratios.h"
#include "reproduce/quadratics.h"
#include "reproduce/spectrum.h"
#include "reproduce/table_1.h"
#include "reproduce/table_2.h"

namespace fanion::reproduce {

// clang-format off
const std::vector<Reproduction>& reproductions() {
  static const std::vector<Reproduction> all = {
      {"table-1", "the LMOs of the family on one matrix, each with its certificate", "KyFan Table 1", "1 s, 1 s", table_1},
      {"fig-1", "least squares: loss and Frobenius norm of the gradient against iterations", "KyFan §4.1, figure 1", "~40 min, 12 s", figure_1},
      {"fig-7", "the same runs: spectral and nuclear norm of the gradient, loss against time", "KyFan App. D, figure 7", "~40 min, 12 s", figure_7},
      {"fig-2", "CIFAR-10 airbench: accuracy of F-Muon over alpha, and of the family", "KyFan §4.2, figure 2", "~2700 min, 97 s", figure_2},
      {"fig-3", "unit balls of Muon's and F-Muon's norms", "KyFan §4.2, figure 3", "1 s, 1 s", figure_3},
      {"fig-5", "unit balls of the duals of F* and F2 for several alpha", "KyFan App. B.1, figure 5", "1 s, 1 s", figure_5},
      {"fig-6", "unit balls of the Ky Fan 2-norm and its dual", "KyFan App. B.2, figure 6", "2 s, 2 s", figure_6},
      {"fig-4", "a small GPT: Muon, F-Muon for four alpha, S-Muon, NorMuon, D-Fanion, Neon, NSGD, AdamW", "KyFan §4.3, figure 4", "~8 min, 91 s", figure_4},
      {"finetune", "a GPT trained on books, then on Shakespeare: loss against the rate", "KyFan §7 and newer version", "~6 min, 54 s", finetune},
      {"fig-ef", "low-rank rules with and without error feedback, on least squares and a GPT", "KyFan §5", "~10 min, 67 s", error_feedback},
      {"norm-ratios", "norms of Gaussian matrices against their size", "NuclearNorm §5", "~30 s, 1 s", norm_ratios},
      {"mlp", "CIFAR-10 MLP 3072-512-10: loss and accuracy against epochs and time", "Proposal §6, figures 1 and 3", "~40 min, 46 s", mlp},
      {"cnn", "CIFAR-10 CNN: the same", "Proposal §6, figures 2 and 4", "~90 min, 39 s", cnn},
      {"convex-tuned", "least squares, each optimizer's rate and momentum tuned: steps to a loss of 0.001", "KyFan, newer version", "~120 min, 16 s", convex_tuned},
      {"quadratics", "five norms, quadratics with L = 1 in each: who reaches the accuracy first", "NuclearNorm §6.1", "~20 min, 26 s", quadratics},
      {"spectrum", "singular values of gradients and momenta during GPT training", "Proposal §6", "~15 min, 10 s", spectrum},
      {"batch-size", "the MLP over batches of 64 to 8192", "Proposal §1.1", "~40 min, 14 s", batch_size},
      {"table-2", "the top-k SVD's methods, with the errors of sigma, of sum uv' and of sum s uv'", "KyFan §3, Table 2", "~10 min, 2 s", table_2},
  };
  return all;
}
// clang-format on

const Reproduction& reproduction_by_name(const std::string& name) {
  std::string known;
  for (const auto& reproduction : reproductions()) {
    if (reproduction.name == name) return reproduction;
    known.append(known.empty() ? "" : ", ").append(reproduction.name);
  }
  TORCH_CHECK_VALUE(false, "unknown reproduction '", name, "'; there are: ", known);
}

}  // namespace fanion::reproduce
