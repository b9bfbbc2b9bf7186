-- Why the comparison is IS DISTINCT FROM. COALESCE(x, NULL) is just x, so the first form is never true when either side is NULL: the change of a
-- tier from NULL to silver, and of a city from NULL to Hamar, would be lost. A made-up value in COALESCE works until the data holds it.
SELECT old, new,
       COALESCE(old, NULL) <> COALESCE(new, NULL) AS coalesce_null,
       COALESCE(old, '') <> COALESCE(new, '') AS coalesce_empty,
       old IS DISTINCT FROM new AS is_distinct
FROM (VALUES ('a', 'a'), ('a', 'b'), ('a', NULL), (NULL, 'b'), (NULL, NULL), (NULL, '')) AS v(old, new);
