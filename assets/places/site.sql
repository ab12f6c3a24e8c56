-- Sites: one row per place that a service is delivered from, at the place that its record was put on; only of the
-- latest extract of each kind of site.
-- key: site_kind, site_id
-- use: impersonal
SELECT
    placed.authority_code,  -- GSS code of the authority
    placed.dataset AS site_kind,  -- kind of site: the folder that describes it
    placed.record_id AS site_id,  -- the site: its reference, else file and row number
    named.name,  -- name of the site
    taking.capacity,  -- what it can take, in what the description of its kind says; empty where it is not known
    placed.precision,  -- how precise the place is
    placed.easting,  -- easting, metres, EPSG:27700; empty where the site could not be placed
    placed.northing,  -- northing, metres, EPSG:27700
    placed.lsoa_code  -- LSOA in which it lies
FROM places.record_placed AS placed
JOIN services.dataset AS described ON described.dataset = placed.dataset
LEFT JOIN services.site_name AS named
    ON named.dataset = placed.dataset AND named.file = placed.file AND named.row_number = placed.row_number
LEFT JOIN services.site_capacity AS taking
    ON taking.dataset = placed.dataset AND taking.file = placed.file AND taking.row_number = placed.row_number
WHERE placed.role = 'site' AND placed.as_at IS NOT DISTINCT FROM described.last_as_at
