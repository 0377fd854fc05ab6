#include "fanion/distributed/agreement.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <map>

#include "fanion/distributed/collectives.h"
#include "fanion/fnv1a.h"

namespace fanion::distributed {
namespace {

/// The statements of one mesh.
struct Meeting {
  std::string mesh;
  std::vector<Statement*> statements;

  const std::vector<MeshAxis>& axes() const { return statements[0]->spread->axes; }
  std::string minutes() const {
    std::string lines;
    for (const auto* s : statements)
      for (const auto& fact : s->facts) lines.append(s->name).append(": ").append(fact).append("\n");
    return lines;
  }
};

/// In the order of the list, which is the same on all processes.
std::vector<Meeting> meetings_of(std::vector<Statement>& statements) {
  std::vector<Meeting> meetings;
  for (auto& s : statements) {
    std::string mesh = s.device.str();
    for (const auto& axis : s.spread->axes) mesh += ";" + axis.group;
    const auto found = std::ranges::find(meetings, mesh, &Meeting::mesh);
    (found == meetings.end() ? meetings.emplace_back(Meeting{mesh, {}}) : *found).statements.push_back(&s);
  }
  return meetings;
}

int64_t fingerprint(const std::string& text) {
  Fnv1a hash;
  hash.add(text);
  return static_cast<int64_t>(hash.value());
}

/// The largest of every number over the whole mesh.
std::vector<int64_t> largest_of_all(const Meeting& meeting, const std::vector<int64_t>& numbers) {
  const auto device = meeting.statements[0]->device;
  const auto x = at::tensor(numbers, at::kLong).to(device);
  for (const auto& axis : meeting.axes()) all_reduce_(x, "max", axis.group);
  const auto found = x.to(at::kCPU);
  return {found.const_data_ptr<int64_t>(), found.const_data_ptr<int64_t>() + found.numel()};
}

std::vector<std::string> texts_along(const MeshAxis& axis, const std::string& text, at::Device device) {
  const auto length = at::full({1}, std::ssize(text), at::TensorOptions(device).dtype(at::kLong));
  all_reduce_(length, "max", axis.group);
  auto bytes = at::zeros({length.item<int64_t>()}, at::kByte);
  std::ranges::copy(text, bytes.data_ptr<uint8_t>());
  const auto all = all_gather(bytes.to(device), std::ssize(axis.sizes), axis.group).to(at::kCPU).contiguous();
  std::vector<std::string> texts;
  for (int64_t r = 0; r < all.size(0); ++r) {
    const auto* first = reinterpret_cast<const char*>(all.const_data_ptr<uint8_t>()) + r * all.size(1);
    const std::string padded(first, first + all.size(1));
    texts.push_back(padded.substr(0, padded.find('\0')));
  }
  return texts;
}

std::string first_line_of_difference(std::string_view here, std::string_view there) {
  while (!here.empty() || !there.empty()) {
    const auto mine = here.substr(0, here.find('\n')), theirs = there.substr(0, there.find('\n'));
    if (mine != theirs)
      return c10::str(mine.empty() ? "nothing more" : mine, " here, and ", theirs.empty() ? "nothing more" : theirs);
    here.remove_prefix(std::min(here.size(), mine.size() + 1));
    there.remove_prefix(std::min(there.size(), theirs.size() + 1));
  }
  return {};
}

/// Throws, on every process of the mesh; all of them come here.
[[noreturn]] void name_the_difference(const Meeting& meeting) {
  const auto minutes = meeting.minutes();
  std::string found;
  for (const auto& axis : meeting.axes()) {
    const auto all = texts_along(axis, minutes, meeting.statements[0]->device);
    for (std::size_t r = 0; r < all.size() && found.empty(); ++r)
      if (all[r] != minutes)
        found = c10::str(first_line_of_difference(minutes, all[r]), " on process ", r,
                         " of the group (this is process ", axis.rank, ")");
  }
  TORCH_CHECK_VALUE(false, "the processes do not step the same parameters in the same way: ",
                    found.empty() ? "others of the mesh differ among themselves" : found, "; nothing was changed");
}

}  // namespace

void agree(std::vector<Statement>& statements, const std::string& refusal) {
  for (auto& meeting : meetings_of(statements)) {
    const auto print = fingerprint(meeting.minutes()),
               opposite = -1 - print;  // the largest of it is at the smallest print
    const bool any = std::ranges::any_of(meeting.statements, [](const Statement* s) { return s->is_nonfinite; });
    const auto all = largest_of_all(meeting, {print, opposite, refusal.empty() ? 0 : 1, any ? 1 : 0});
    if (!refusal.empty()) continue;  // thrown by the caller, when the others of all meshes know
    TORCH_CHECK_VALUE(all[2] == 0, "another process has refused this step and says why; nothing was changed");
    if (all[0] != print || all[1] != opposite) name_the_difference(meeting);
    if (all[3] == 0) continue;
    std::vector<int64_t> flags;
    for (const auto* s : meeting.statements) flags.push_back(s->is_nonfinite ? 1 : 0);
    flags = largest_of_all(meeting, flags);
    for (std::size_t i = 0; i < flags.size(); ++i) meeting.statements[i]->is_nonfinite = flags[i] != 0;
  }
}

}  // namespace fanion::distributed
