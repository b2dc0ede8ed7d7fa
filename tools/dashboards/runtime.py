"""*Runtime*: the processes."""

from __future__ import annotations

from consumer.ops import catalogue as m
from tools.dashboards.panels import Page, Panel, Query, Row, rate, selected

PAGE = Page(
    name="runtime",
    title="Awin S2S: Runtime",
    description="CPU, memory and health of each pod, and what it runs.",
    rows=(
        Row(
            "Processes",
            (
                Panel(
                    title="CPU",
                    description="Cores, by pod.",
                    unit="none",
                    queries=(Query(f"sum by (pod) ({rate('process_cpu_seconds_total')})", "{{pod}}"),),
                ),
                Panel(
                    title="Memory",
                    description="Resident, by pod; of that what the stores take, up to state.memory_mib.",
                    unit="bytes",
                    queries=(
                        Query(f"sum by (pod) ({selected('process_resident_memory_bytes')})", "{{pod}}"),
                        Query(f"sum by (pod, stage) ({selected(m.STORE_MEMORY.name)})", "{{pod}} stores of {{stage}}"),
                    ),
                ),
                Panel(
                    title="Open files",
                    description="By pod.",
                    unit="none",
                    queries=(Query(f"max by (pod) ({selected('process_open_fds')})", "{{pod}}"),),
                ),
                Panel(
                    title="Garbage collections",
                    description="By generation. They are set to be rare.",
                    unit="ops",
                    queries=(
                        Query(
                            f"sum by (generation) ({rate('python_gc_collections_total')})", "generation {{generation}}"
                        ),
                    ),
                ),
                Panel(
                    title="Since the loops turned last",
                    description="By pod and stage. A stalled one is logged with the stacks of all threads.",
                    unit="s",
                    queries=(
                        Query(f"time() - max by (pod, stage) ({selected(m.HEARTBEAT.name)})", "{{pod}} {{stage}}"),
                    ),
                    warn=10,
                    bad=60,
                ),
                Panel(
                    title="Ready",
                    description="1 while a stage works on everything it was given.",
                    unit="none",
                    queries=(Query(f"min by (pod, stage) ({selected(m.READY.name)})", "{{pod}} {{stage}}"),),
                ),
                Panel(
                    title="Running for",
                    description="Since the process started, by pod.",
                    unit="s",
                    queries=(Query(f"time() - max by (pod) ({selected('process_start_time_seconds')})", "{{pod}}"),),
                    width=12,
                ),
                Panel(
                    title="What runs",
                    description="Versions, mode and the hash of the settings: two hashes at once mean a rollout under way.",
                    unit="none",
                    queries=(
                        Query(
                            f"count by (version, python, librdkafka) ({selected(m.BUILD.name)})",
                            "{{version}} on {{python}}",
                        ),
                        Query(
                            f"count by (mode, roles, hash) ({selected(m.CONFIG.name)})", "{{mode}} {{roles}} {{hash}}"
                        ),
                    ),
                    width=12,
                ),
            ),
        ),
    ),
)
