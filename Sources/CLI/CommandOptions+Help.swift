extension CommandOptions {
  static let version = "frazil 0.1.0"

  static let help = """
    Athena's SQL over Apache Iceberg tables, on this machine.

    usage: frazil [OPTIONS]                  a prompt, or the script on standard input
           frazil [OPTIONS] -c SQL           the given statements
           frazil [OPTIONS] run FILE...      the scripts, one after the other; - is standard input
           frazil [OPTIONS] check TABLE...   whether tables are what Iceberg's specification says, file by file
           frazil [OPTIONS] overlay diff DIR          what an overlay holds
           frazil [OPTIONS] overlay drop DIR [TABLE]  removes it, or what it holds of a table
           frazil whoami                     whose credentials are used for AWS, and why

    options:
      --warehouse DIR     the local catalog, and where tables without LOCATION go; a folder or s3://bucket/prefix
                          (default: $FRAZIL_WAREHOUSE or ./warehouse)
      --catalog-directory DIR
                          the local catalog apart from the warehouse (default: .frazil/catalog in the warehouse,
                          or in the current directory when the warehouse is on S3)
      --catalog NAME=TYPE,KEY=VALUE,...
                          another catalog, for names like NAME.database.table (may be repeated); see docs/catalogs.md
      --default-catalog NAME
                          the catalog of unqualified names and of awsdatacatalog (default: local)
      --database NAME     database of unqualified names (default: default)
      --format FORMAT     table, csv, json, jsonl or markdown (default: table);
                          csv is what Athena writes to its result files
      --output FILE       write results to a file, or to s3://bucket/key, instead of standard output
      --mount FROM=TO     read and write locations that begin with FROM below the folder TO (may be repeated)
      --offline DIR       mount all of s3:// under a folder
      --overlay DIR       read tables where they are, and keep everything that is written under DIR; see docs/overlay.md
      --memory SIZE       memory that statements may hold, such as 512MB or 4GB; beyond it they spill to disk
                          (default: 80 % of the machine's)
      --cache DIR         keep pieces of remote files that do not change in a folder; see docs/s3.md
      --cache-size SIZE   what the cache may hold (default: 10GB)
      --workers N         worker threads (default: all cores)
      --commit-retry-statements N
                          run a statement again, up to N times, when commits of others contradict it (default: 0)
      --param NAME=VALUE  the value of :NAME in statements, or of the n-th ? for 1=VALUE, 2=VALUE (may be repeated);
                          a literal (12, true, NULL, 'text', DATE '2026-01-31') is what it says, all else is text
      --on athena         run statements in Athena instead of here; see docs/athena-and-trino.md. Credentials as for S3;
                          --output s3://bucket/prefix/ says where Athena puts its result files
      --on trino=URL      run statements on the Trino coordinator at https://host:port/catalog/schema
      --workgroup NAME    the workgroup for --on athena (default: primary)
      --strict-athena     refuse what Athena would refuse: its limits, and what only Frazil, Trino or Spark has
      --now TIMESTAMP     fix the clock, such as 2026-01-31T12:00:00Z
      --seed N            fix ids, file names and random()
      --timer             say on standard error how long each statement took, and what Athena would bill for what it scanned
      --json              check reports as JSON
      -h, --help          this text
      --version           the version

    Results go to standard output, everything else to standard error.
    Exit status: 0 all went well, 1 a statement failed (the rest is not run) or a transaction was left open (it is
    rolled back), 2 wrong usage, 130 interrupted.
    check: 0 no errors, 1 errors in some table, 2 some table could not be checked.

    """
}
