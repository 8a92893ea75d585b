-- Queries over the function's log, for the log service's alerts. The page beside this file says how to set up the log.
-- They also find lines that were joined, as long as they lie within the length that is analysed.

-- Is the log set up right? After `make invoke` both numbers are the same, and not 0.
"backup report" | select count(*) as entries,
    count_if(message like '%"msg":"backup report"%') as readable
  from log

-- Failed for good. Alert when there is a row in the last hour.
"backup report" | select from_unixtime(__time__) as at,
    regexp_extract(line, '"errorType":"(\w+)"', 1) as error_type,
    regexp_extract(line, '"error":"((?:[^"\\]|\\.)*)', 1) as error,
    regexp_extract(line, '"requestId":"([^"]*)"', 1) as request_id
  from log, unnest(regexp_extract_all(message, '\{ "time"[^\n]*')) as t(line)
  where line like '%"level":"ERROR","msg":"backup report"%'
  order by at desc

-- Pending: invocations that ran out of time, and that a retry continues. One or two in a night mean a long backup. Alert on more
-- than three.
"backup report" | select count(*) as pending
  from log, unnest(regexp_extract_all(message, '\{ "time"[^\n]*')) as t(line)
  where line like '%"level":"WARN","msg":"backup report"%'

-- Age of each cluster's last complete backup, in hours, over seven days. Alert when one is above 26. It needs LOG_LEVEL info.
"backup is complete" | select cluster, date_diff('hour', max(started), now()) as hours
  from (
    select regexp_extract(line, '"DBClusterId":"([^"]*)"', 1) as cluster,
        from_iso8601_timestamp(regexp_extract(line, '"backupStartTime":"([^"]*)"', 1)) as started
      from log, unnest(regexp_extract_all(message, '\{ "time"[^\n]*')) as t(line)
      where line like '%"msg":"backup is complete"%'
  )
  group by cluster
  order by hours desc

-- No report at all: the function or its timers are gone. Alert when it is 0 over 26 hours.
"backup report" | select count(*) as entries from log
