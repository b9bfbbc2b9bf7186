-- An erasure request: the rows go from what anybody reads.
DELETE FROM clinic.visits WHERE patient = 'Zaphod Beeblebrox';
