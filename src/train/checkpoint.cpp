#include "src/train/checkpoint.hpp"

#include <array>
#include <cstddef>
#include <cstdio>
#include <span>

#include "dist/durable_file.hpp"
#include "dist/error.hpp"
#include "dist/fnv1a.hpp"
#include "dist/hdf5_file.hpp"
#include "dist/sealed_file.hpp"
#include "src/train/optimiser.hpp"

namespace lapatlas {

namespace fs = std::filesystem;

namespace {

constexpr const char* kFormat = "lapatlas-checkpoint";
constexpr std::int64_t kFormatVersion = 5;

/// Groups of tensors that decide what is generated or denoised.
constexpr const char* kOfGeneration[] = {"decoder",
                                         "embedding",
                                         "embedding_buffers",
                                         "score_net_average",
                                         "score_net_buffers",
                                         "classifier",
                                         "classifier_buffers",
                                         "scorer",
                                         "prior",
                                         "prior_buffers"};

std::string weights_id_of(const Checkpoint& checkpoint) {
    std::uint64_t hash = kFnv1aStart;
    for (const auto& [name, number] : checkpoint.numbers) hash = fnv1a(std::span(&number, 1), hash);
    for (const auto& [name, tensor] : checkpoint.tensors) {
        const std::string group = name.substr(0, name.find('/'));
        if (std::find(std::begin(kOfGeneration), std::end(kOfGeneration), group) == std::end(kOfGeneration))
            continue;
        const torch::Tensor whole = tensor.detach().contiguous();
        hash = fnv1a(std::span<const float>(whole.data_ptr<float>(), static_cast<std::size_t>(whole.numel())),
                     hash);
    }
    std::array<char, 17> text{};
    std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash));
    return text.data();
}

void copy_into(torch::Tensor& to, const Checkpoint& checkpoint, const std::string& name) {
    const auto found = checkpoint.tensors.find(name);
    if (found == checkpoint.tensors.end()) throw InputError("checkpoint: no tensor '" + name + "'");
    if (found->second.sizes() != to.sizes())
        throw InputError("checkpoint: tensor '" + name + "' has another shape than this model");
    const torch::NoGradGuard no_grad;
    to.copy_(found->second);
}

/// Names of all datasets under `group`, relative to it; tensor names have slashes and dots.
void list_datasets(const Hdf5File& file, const std::string& group, const std::string& prefix,
                   std::vector<std::string>& names) {
    for (const std::string& child : file.children(group)) {
        const std::string path = group + "/" + child;
        if (file.is_group(path))
            list_datasets(file, path, prefix + child + "/", names);
        else
            names.push_back(prefix + child);
    }
}

/// The checkpoint at `path`, about to be replaced, becomes previous-1.h5, that one previous-2.h5, and so on:
/// `keep` in all. There is one under the name itself at any moment, where the file system has hard links.
void keep_previous(const fs::path& path, std::int64_t keep) {
    const auto previous = [&](std::int64_t age) { return previous_checkpoint(path, age); };
    std::error_code error;
    if (keep < 2 || !fs::exists(path)) return;
    for (std::int64_t age = keep - 1; age > 1; --age)
        if (fs::exists(previous(age - 1))) fs::rename(previous(age - 1), previous(age), error);
    fs::remove(previous(1), error);
    fs::create_hard_link(path, previous(1), error);
    if (error) fs::rename(path, previous(1), error);
    if (error)
        throw ResourceError(path.string() + ": cannot be kept as " + previous(1).string() + " (" +
                            error.message() + ")");
}

}  // namespace

fs::path previous_checkpoint(const fs::path& path, std::int64_t age) {
    return path.parent_path() / ("previous-" + std::to_string(age) + ".h5");
}

void write_checkpoint(const fs::path& path, const Checkpoint& checkpoint,
                      const std::map<std::string, std::string>& provenance, std::int64_t keep) {
    PartialFile partial(path);
    Hdf5File file = Hdf5File::create(partial.path(), kSealBytes);
    file.write_attribute("", "format", std::string(kFormat));
    file.write_attribute<std::int64_t>("", "format_version", std::span(&kFormatVersion, 1), true);
    file.write_string("config", checkpoint.config);
    file.write_string("fingerprint", checkpoint.fingerprint);
    file.write_string("weights_id", weights_id_of(checkpoint));
    if (!checkpoint.scorer_options.empty()) file.write_string("scorer_options", checkpoint.scorer_options);
    file.write_strings("genes/names", checkpoint.gene_names);
    if (!checkpoint.gene_ids.empty()) file.write_strings("genes/ids", checkpoint.gene_ids);
    write_gene_columns(file, "genes/columns", checkpoint.gene_columns);
    file.write_strings("labels/names", checkpoint.label_names);
    file.write_strings("batches/names", checkpoint.batch_names);
    file.write("perturbation_eigenvectors", checkpoint.perturbation_eigenvectors);
    file.write<float>("libraries/values", checkpoint.libraries);
    file.write<std::int64_t>("libraries/offsets", checkpoint.library_offsets);
    write_covariate_columns(file, checkpoint.covariate_columns);
    file.write_strings("proteins/names", checkpoint.protein_names);
    file.write<float>("covariates/values", checkpoint.covariates);
    if (checkpoint.reference_latents.defined()) {
        const torch::Tensor whole = checkpoint.reference_latents.contiguous();
        file.write<float>(
            "reference/latents",
            std::span<const float>(whole.data_ptr<float>(), static_cast<std::size_t>(whole.numel())),
            whole.sizes().vec());
        file.write<std::int32_t>("reference/labels", checkpoint.reference_labels);
    }
    for (const char* group : {"counters", "numbers", "tensors"}) file.create_group(group);
    for (const auto& [name, value] : checkpoint.counters) file.write_scalar("counters/" + name, value);
    for (const auto& [name, value] : checkpoint.numbers) file.write_scalar("numbers/" + name, value);
    for (const auto& [name, tensor] : checkpoint.tensors) {
        const torch::Tensor whole = tensor.detach().contiguous();
        file.write<float>(
            "tensors/" + name,
            std::span<const float>(whole.data_ptr<float>(), static_cast<std::size_t>(whole.numel())),
            whole.sizes().vec());
    }
    for (const auto& [name, value] : provenance) file.write_string("provenance/" + name, value);
    file.close();
    seal_file(partial.path());
    keep_previous(path, keep);
    partial.commit();
}

namespace {

Hdf5File open_checkpoint(const fs::path& path) {
    // Whether the bytes are right is asked before HDF5 interprets them.
    const bool sealed = fs::is_regular_file(path) && is_sealed(path);
    if (const std::string broken = sealed ? what_breaks_seal(path) : ""; !broken.empty())
        throw InputError(path.string() + ": " + broken);
    Hdf5File file = Hdf5File::open(path);
    if (file.string_attribute("", "format") != kFormat)
        throw InputError(path.string() + ": not a LapAtlas checkpoint; make one with `lapatlas train`");
    const auto version = file.attribute<std::int64_t>("", "format_version");
    if (!version || version->size() != 1 || version->front() != kFormatVersion)
        throw InputError(path.string() + ": of format version " +
                         (version && version->size() == 1 ? std::to_string(version->front()) : "unknown") +
                         ", this LapAtlas reads version " + std::to_string(kFormatVersion) +
                         ": use the version that wrote it, or train again");
    if (!sealed) throw InputError(path.string() + ": damaged: it has no checksum where one belongs");
    return file;
}

CheckpointStatus status_in(const Hdf5File& file) {
    return {file.read_string("fingerprint"), file.read_string("weights_id"),
            file.read_scalar<std::int64_t>("counters/complete") != 0,
            file.exists("scorer_options") ? file.read_string("scorer_options") : std::string()};
}

}  // namespace

std::optional<FoundCheckpoint> newest_checkpoint(const fs::path& last) {
    std::vector<fs::path> candidates{last};
    for (std::int64_t age = 1; fs::exists(previous_checkpoint(last, age)); ++age)
        candidates.push_back(previous_checkpoint(last, age));
    std::vector<std::string> skipped;
    for (const fs::path& path : candidates) {
        if (!fs::exists(path)) continue;
        try {
            return FoundCheckpoint{path, status_in(open_checkpoint(path)), skipped};
        } catch (const Error& error) {
            skipped.emplace_back(error.what());
        }
    }
    if (skipped.empty()) return std::nullopt;
    throw InputError(skipped.front() + (skipped.size() > 1 ? "; those before it cannot be read either" : ""));
}

CheckpointStatus read_checkpoint_status(const fs::path& path) { return status_in(open_checkpoint(path)); }

Checkpoint read_checkpoint(const fs::path& path) {
    const Hdf5File file = open_checkpoint(path);
    Checkpoint checkpoint;
    checkpoint.config = file.read_string("config");
    checkpoint.fingerprint = file.read_string("fingerprint");
    checkpoint.weights_id = file.read_string("weights_id");
    if (file.exists("scorer_options")) checkpoint.scorer_options = file.read_string("scorer_options");
    checkpoint.gene_names = file.read_strings("genes/names");
    if (file.exists("genes/ids")) checkpoint.gene_ids = file.read_strings("genes/ids");
    checkpoint.gene_columns = read_gene_columns(file, "genes/columns");
    checkpoint.label_names = file.read_strings("labels/names");
    checkpoint.batch_names = file.read_strings("batches/names");
    checkpoint.perturbation_eigenvectors = file.read<double>("perturbation_eigenvectors");
    checkpoint.libraries = file.read<float>("libraries/values");
    checkpoint.library_offsets = file.read<std::int64_t>("libraries/offsets");
    checkpoint.covariate_columns = read_covariate_columns(file);
    checkpoint.protein_names = file.read_strings("proteins/names");
    checkpoint.covariates = file.read<float>("covariates/values");
    if (file.exists("reference/latents")) {
        std::vector<float> values = file.read<float>("reference/latents");
        checkpoint.reference_latents =
            torch::from_blob(values.data(), file.shape("reference/latents")).clone();
        checkpoint.reference_labels = file.read<std::int32_t>("reference/labels");
    }
    for (const std::string& name : file.children("counters"))
        checkpoint.counters[name] = file.read_scalar<std::int64_t>("counters/" + name);
    for (const std::string& name : file.children("numbers"))
        checkpoint.numbers[name] = file.read_scalar<double>("numbers/" + name);
    std::vector<std::string> names;
    list_datasets(file, "tensors", "", names);
    for (const std::string& name : names) {
        std::vector<float> values = file.read<float>("tensors/" + name);
        checkpoint.tensors[name] = torch::from_blob(values.data(), file.shape("tensors/" + name)).clone();
    }
    return checkpoint;
}

namespace {
torch::Tensor on_host(const torch::Tensor& tensor) {
    return tensor.detach().to(torch::kCPU, /*non_blocking=*/false, /*copy=*/true);
}
}  // namespace

void store_module(Checkpoint& checkpoint, const std::string& prefix, const torch::nn::Module& module) {
    for (const auto& parameter : module.named_parameters())
        checkpoint.tensors[prefix + "/" + parameter.key()] = on_host(parameter.value());
}

void restore_module(const Checkpoint& checkpoint, const std::string& prefix, torch::nn::Module& module) {
    for (auto& parameter : module.named_parameters())
        copy_into(parameter.value(), checkpoint, prefix + "/" + parameter.key());
}

void store_tensors(Checkpoint& checkpoint, const std::string& prefix,
                   const std::vector<torch::Tensor>& tensors) {
    for (std::size_t i = 0; i < tensors.size(); ++i)
        checkpoint.tensors[prefix + "/" + std::to_string(i)] = on_host(tensors[i]);
}

void restore_tensors(const Checkpoint& checkpoint, const std::string& prefix,
                     std::vector<torch::Tensor>& tensors) {
    for (std::size_t i = 0; i < tensors.size(); ++i)
        copy_into(tensors[i], checkpoint, prefix + "/" + std::to_string(i));
}

namespace {

std::vector<torch::Tensor> moments(Optimiser& optimiser, bool first) {
    std::vector<torch::Tensor> list;
    for (std::size_t i = 0; i < optimiser.parameters().size(); ++i)
        list.push_back(first ? optimiser.first_moment(i) : optimiser.second_moment(i));
    return list;
}

}  // namespace

void store_optimiser(Checkpoint& checkpoint, const std::string& name, Optimiser& optimiser) {
    store_tensors(checkpoint, name + "/first", moments(optimiser, true));
    store_tensors(checkpoint, name + "/second", moments(optimiser, false));
    checkpoint.counters[name + "_steps"] = optimiser.steps_done();
}

void restore_optimiser(const Checkpoint& checkpoint, const std::string& name, Optimiser& optimiser) {
    std::vector<torch::Tensor> first = moments(optimiser, true), second = moments(optimiser, false);
    restore_tensors(checkpoint, name + "/first", first);
    restore_tensors(checkpoint, name + "/second", second);
    optimiser.set_steps_done(checkpoint.counters.at(name + "_steps"));
}

}  // namespace lapatlas
