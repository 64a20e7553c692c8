"""What a user of dlt would write for sales: objects of the lake into a table of sales and one of each list in
them, by key.

Runs in the virtual environment of dlt, not in the harness. BENCH_LAKE and BENCH_URL say from where and to
where.
"""

import os

import dlt
from dlt.sources.filesystem import filesystem, read_jsonl

if __name__ == "__main__":
    sales = filesystem(
        bucket_url="file://" + os.environ["BENCH_LAKE"], file_glob="**/*sales*/**/*.jsonl.gz"
    ) | read_jsonl(chunksize=5000)
    sales.apply_hints(primary_key="idSale", write_disposition="merge")
    pipeline = dlt.pipeline(
        "bench",
        destination=dlt.destinations.postgres(os.environ["BENCH_URL"]),
        dataset_name="bench",
        progress=None,
    )
    pipeline.run(sales.with_name("sales")).raise_on_failed_jobs()
