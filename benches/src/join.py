# What DuckDB needs for the same: read both files, join on e-mail, list the differences. Prints how many there are, and
# what it took: CPU and wall seconds, peak memory in MB.
import json, resource, sys, time

import duckdb

people, accounts = sys.argv[1:3]
began, cpu = time.perf_counter(), time.process_time()
differing = duckdb.connect().execute(f"""
    SET enable_progress_bar = false;
    CREATE TABLE differing AS
    WITH person AS (
        SELECT lower(fields.work_email) AS email, fields.name AS name, fields.title AS title,
               fields.department AS department, fields.end_date IS NOT NULL AS has_left
        FROM read_json('{people}', format = 'newline_delimited', columns = {{
            fields: 'STRUCT(work_email VARCHAR, name VARCHAR, title VARCHAR, department VARCHAR, end_date VARCHAR)'
        }})
    ), account AS (
        SELECT lower(login) AS email, name, fields.title AS title, grants
        FROM read_json('{accounts}', format = 'newline_delimited', columns = {{
            login: 'VARCHAR', name: 'VARCHAR', grants: 'STRUCT(kind VARCHAR, name VARCHAR)[]',
            fields: 'STRUCT(title VARCHAR)'
        }})
    )
    SELECT person.email, person.department, account.grants
    FROM person LEFT JOIN account USING (email)
    WHERE account.email IS NULL OR has_left OR person.name <> account.name OR person.title <> account.title
       OR len(grants) <> 2 OR NOT list_contains(grants, {{kind: 'role', name: 'Agent'}})
       OR NOT list_contains(grants, {{kind: 'group', name: department}});
    SELECT count(*) FROM differing
""").fetchone()[0]
peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
print(json.dumps([differing, time.process_time() - cpu, time.perf_counter() - began, peak_mb]))
