-- Views by hand over a lake at rest, that is, while no export runs. From the folder that holds ./lake (`make demo` makes one):
--
--     duckdb -init examples/duckdb.sql
--
-- A view reads whatever files are there when it is queried. While exports run, read through the manifest: the last section.

CREATE SCHEMA IF NOT EXISTS ploomes;
CREATE OR REPLACE VIEW ploomes.deals           AS SELECT * FROM read_parquet('lake/ploomes/deals/**/part-[1-9]*.parquet');
CREATE OR REPLACE VIEW ploomes.deals_pipelines AS SELECT * FROM read_parquet('lake/ploomes/deals_pipelines/**/part-[1-9]*.parquet');
CREATE OR REPLACE VIEW ploomes.deals_stages    AS SELECT * FROM read_parquet('lake/ploomes/deals_stages/**/part-[1-9]*.parquet');
CREATE OR REPLACE VIEW ploomes.deals_status    AS SELECT * FROM read_parquet('lake/ploomes/deals_status/**/part-[1-9]*.parquet');
CREATE OR REPLACE VIEW ploomes.contacts        AS SELECT * FROM read_parquet('lake/ploomes/contacts/**/part-[1-9]*.parquet');
CREATE OR REPLACE VIEW ploomes.users           AS SELECT * FROM read_parquet('lake/ploomes/users/**/part-[1-9]*.parquet');

-- A partitioned table: its folders add the column date_year, and a condition on it skips the files of other years.
CREATE OR REPLACE VIEW ploomes.orders AS SELECT * FROM read_parquet('lake/ploomes/orders/**/part-[1-9]*.parquet', hive_partitioning = true);

CREATE SCHEMA IF NOT EXISTS exactsales;
CREATE OR REPLACE VIEW exactsales.tasks AS
    SELECT * FROM read_parquet('lake/exactsales/tasks/**/part-[1-9]*.parquet', hive_partitioning = true);
-- Exploded from the same page as tasks: one row per element of its array.
CREATE OR REPLACE VIEW exactsales.tasks__contacts AS SELECT * FROM read_parquet('lake/exactsales/tasks__contacts/**/part-[1-9]*.parquet');

-- Deals by funnel and status.
SELECT p.name AS pipeline, s.name AS status, count(*) AS deals, round(sum(d.amount), 2) AS amount
FROM ploomes.deals d
LEFT JOIN ploomes.deals_pipelines p ON p.id = d.pipelineid
LEFT JOIN ploomes.deals_status s ON s.id = d.statusid
GROUP BY ALL ORDER BY ALL LIMIT 5;

-- What each column means is inside the files; the newest manifest tells it as well.
SET VARIABLE newest = (SELECT max(file) FROM glob('lake/ploomes/orders/_manifest/*.json'));
SELECT unnest(schema.columns, recursive := true) FROM read_json(getvariable('newest')) LIMIT 5;

-- Exactly the live files of one table, whatever else lies in its folder. Safe while exports run: if a file is gone when it is
-- read, a newer manifest is there; run the two lines again.
SET VARIABLE live = (SELECT list('lake/ploomes/orders/' || entry.path)
                     FROM (SELECT unnest(entries) AS entry FROM read_json(getvariable('newest'))));
SELECT count(*) AS orders FROM read_parquet(getvariable('live'));
