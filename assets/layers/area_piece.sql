-- The pieces into which wards cut LSOAs: one row per LSOA and ward that share Output Areas. Each is a set of whole Output
-- Areas, so that a figure of a piece, added up, gives those of LSOAs, MSOAs, wards and the authority.
-- key: lsoa_code, ward_code
-- use: impersonal
WITH homes_in AS (
    SELECT oa_code, sum(homes) AS homes FROM places.home WHERE oa_code IS NOT NULL GROUP BY oa_code
)
SELECT
    block.authority_code,  -- GSS code of the authority
    block.lsoa_code,  -- Lower layer Super Output Area
    min(block.msoa_code) AS msoa_code,  -- Middle layer Super Output Area that the LSOA is in
    coalesce(block.ward_code, '') AS ward_code,  -- electoral ward, best fit; empty where none is known
    CAST(coalesce(sum(homes_in.homes), 0) AS BIGINT) AS homes,  -- homes in the piece
    count(*) AS output_areas  -- Output Areas in the piece
FROM places.output_area AS block
LEFT JOIN homes_in USING (oa_code)
WHERE block.lsoa_code IS NOT NULL
GROUP BY block.authority_code, block.lsoa_code, coalesce(block.ward_code, '')
