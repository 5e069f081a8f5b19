package placement

// Move is a partition whose owner differs between two tables.
type Move struct {
	Partition Partition
	From      string // "" if nobody owned it
	To        string // "" if nobody owns it now
}

// Diff returns what moves between two tables, by partition. A nil or zero table is one in which nobody owns anything,
// the one before the first and after the last. Tables of different [Config] cannot be compared: the error is a
// [*ConfigError].
func Diff(before, after *Table) ([]Move, error) {
	if before == nil {
		before = &Table{}
	}
	if after == nil {
		after = &Table{}
	}
	if b, a := before.config, after.config; len(before.owners) > 0 && len(after.owners) > 0 && b != a {
		const why, cure = "the table before has another", "give all nodes what the cluster was formed with"
		if b.Partitions != a.Partitions {
			return nil, &ConfigError{Field: "Partitions", Value: a.Partitions, Why: why, Cure: cure}
		}
		return nil, &ConfigError{Field: "Seed", Value: a.Seed, Why: why, Cure: cure}
	}
	var moves []Move
	for i := range max(len(before.owners), len(after.owners)) {
		p := Partition(i)
		if from, to := before.OwnerOf(p), after.OwnerOf(p); from != to {
			moves = append(moves, Move{p, from, to})
		}
	}
	return moves, nil
}
