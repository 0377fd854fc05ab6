#include "experiments/parameter.h"

#include "fanion/names.h"

namespace fanion::experiments {
namespace {

constexpr std::array<Named<Role>, 6> kRoles{{{Role::matrix, "matrix"},
                                             {Role::embedding, "embedding"},
                                             {Role::head, "head"},
                                             {Role::gain, "gain"},
                                             {Role::bias, "bias"},
                                             {Role::whitening, "whitening"}}};

}  // namespace

std::string role_name(Role role) { return std::string(find_name(kRoles, role)); }

int64_t parameter_count(const std::vector<Parameter>& parameters) {
  int64_t count = 0;
  for (const auto& p : parameters) count += p.tensor.numel();
  return count;
}

}  // namespace fanion::experiments
