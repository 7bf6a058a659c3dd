#include "src/report_run.hpp"

namespace lapatlas {

void report_run(const Communicator&, const Config&, const RunFolder&, Log&) {}

}  // namespace lapatlas
