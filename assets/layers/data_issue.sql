-- What is wrong with the data, and who must mend it: one row per dataset, column and kind of issue, with how many rows
-- of all its extracts have it; never which.
-- key: dataset, column_name, issue
SELECT
    described.authority_code,  -- GSS code of the authority
    found.dataset,  -- dataset
    found.column_name,  -- column that has the issue; empty where it is the whole row
    found.issue,  -- kind of issue
    coalesce(kind.severity, 'warning') AS severity,  -- error, warning or info
    coalesce(kind.meaning, found.issue) AS meaning,  -- what it means, in a sentence
    CASE
        WHEN kind.who_fixes IS NULL OR kind.who_fixes LIKE '%ervice that owns the dataset' THEN described.owner
        ELSE kind.who_fixes
    END AS who_fixes,  -- who must mend it; where that is the service that owns the dataset, its name
    coalesce(kind.how_to_fix, '') AS how_to_fix,  -- how, or what to ask first
    CAST(sum(found.rows) AS BIGINT) AS rows  -- rows that have it
FROM layers.issue_by_extract AS found
JOIN services.dataset AS described USING (dataset)
LEFT JOIN services.issue_kind AS kind ON kind.issue = found.issue
GROUP BY ALL
