#include "src/denoise/latent_prior.hpp"

#include <gtest/gtest.h>

#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

ReferenceLatents two_clusters() {
    ReferenceLatents latents;
    latents.width = 3;
    const PlacedRandom random(4, RandomStream::kSetup);
    for (std::int64_t cell = 0; cell < 60; ++cell) {
        double normals[3];
        random.fill_normals(static_cast<std::uint64_t>(cell), 0, normals, 3);
        for (const double x : normals)
            latents.values.push_back(static_cast<float>(x + (cell % 2 == 0 ? 4 : -4)));
        latents.labels.push_back(cell % 7 == 0 ? -1 : static_cast<std::int32_t>(cell % 2));
    }
    return latents;
}

DenoiseOptions small() {
    DenoiseOptions options;
    options.width = 8;
    options.blocks = 2;
    options.epochs = 20;
    options.batch = 25;
    options.learning_rate = 3e-3;
    return options;
}

}  // namespace

TEST(LatentPrior, IsTheSameOnAnyNumberOfRanks) {
    const ReferenceLatents latents = two_clusters();
    LatentPrior alone(make_cpu_backend(Communicator::self()), small(), 3, latents, 1);
    LatentPrior together(make_cpu_backend(Communicator::world()), small(), 3, latents, 1);
    EXPECT_EQ(alone.num_steps(), 60);  // three steps of 20 cells an epoch
    double first = 0, last = 0;
    while (!alone.is_complete()) {
        const double loss = alone.step();
        if (first == 0) first = loss;
        last = loss;
        EXPECT_NEAR(together.step() / loss, 1, 2e-4) << alone.steps_done();
    }
    EXPECT_LT(last, 0.9 * first);
    const torch::Tensor x = torch::tensor({{4.0F, 4.0F, 4.0F}, {0.0F, 1.0F, 0.0F}});
    EXPECT_TRUE(torch::allclose(alone.predict(x, 100), together.predict(x, 100), 1e-3, 1e-3));
}

TEST(LatentPrior, GoesOnFromACheckpointToTheSameWeights) {
    const ReferenceLatents latents = two_clusters();
    const auto backend = make_cpu_backend(Communicator::self());
    LatentPrior whole(backend, small(), 3, latents, 1), begun(backend, small(), 3, latents, 1),
        resumed(backend, small(), 3, latents, 1);
    while (!whole.is_complete()) whole.step();
    for (int i = 0; i < 25; ++i) begun.step();
    Checkpoint checkpoint;
    begun.store(checkpoint);
    resumed.restore(checkpoint);
    EXPECT_EQ(resumed.steps_done(), 25);
    while (!resumed.is_complete()) resumed.step();
    const torch::Tensor x = torch::randn({5, 3});
    for (const std::int64_t step : {1, 100, 512})
        EXPECT_TRUE(torch::equal(whole.predict(x, step), resumed.predict(x, step))) << step;
}

/// Mixtures stay within their label: of two far clusters none lies between.
TEST(LatentPrior, MixesWithinALabelOnly) {
    ReferenceLatents latents = two_clusters();
    for (std::size_t i = 0; i < latents.labels.size(); ++i) {
        latents.labels[i] = static_cast<std::int32_t>(i % 2);
        for (std::size_t j = 0; j < 3; ++j) latents.values[3 * i + j] = i % 2 == 0 ? 1000.0F : -1000.0F;
    }
    DenoiseOptions options = small();
    options.mixup = 1;
    const LatentPrior prior(make_cpu_backend(Communicator::self()), options, 3, latents, 1);
    for (std::int64_t cell = 0; cell < 60; ++cell) {
        const std::vector<float> seen = prior.cell_in_step(cell, 3);
        EXPECT_NEAR(seen[0], cell % 2 == 0 ? 1000 : -1000, 0.1) << cell;
    }
}

}  // namespace lapatlas
