-- In which forms damaged UPRNs come: one row per extract, issue and form, with digits as 9 and letters as A. For those who
-- mend the extracts; restricted, since a form that one record alone has may tell of that record.
-- key: dataset, file, issue, form
SELECT
    placed.authority_code,  -- GSS code of the authority
    placed.dataset,  -- dataset
    placed.file,  -- file
    placed.uprn_finding AS issue,  -- what is wrong with the UPRN
    coalesce(record.uprn_form, repeat('9', length(CAST(record.uprn AS VARCHAR)))) AS form,  -- form of the UPRN as given
    count(*) AS rows  -- records whose UPRN has this form
FROM places.record_placed AS placed
JOIN services.record AS record USING (dataset, file, row_number)
WHERE placed.uprn_finding IS NOT NULL AND coalesce(record.uprn_form, CAST(record.uprn AS VARCHAR)) IS NOT NULL
GROUP BY ALL
