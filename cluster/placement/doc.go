// Package placement says which node is responsible for a key.
//
// A key belongs to one of a fixed number of partitions: jump consistent hash over xxh3 of the key. A partition belongs
// to one of the members that are up: weighted rendezvous over their names, in integers. Nothing is claimed, stored or
// agreed upon. A [Table] is a pure function of the [Config] and the set of members, so nodes that see the same members
// up have the same table.
//
//	table, err := placement.New(placement.Config{}, []placement.Member{{Name: "a"}, {Name: "b", Weight: 2}})
//	node := table.Owner("user/7")
//
// The table is the target. What runs where until everything has moved there is not known here.
//
// Labels, zones and load are not known here either. Who wants a key only on members with a label builds a table of
// those: it is a function of that set as the other is of all.
//
// # Guarantees
//
//   - The same Config and the same members, in any order, give the same table, on every platform and in every release:
//     testdata/golden.txt is part of the contract.
//   - The loss of a member moves its partitions and no other, to the others in proportion to their weights. Its return
//     brings exactly those back. A new member takes partitions and gives none; so does one whose weight grows.
//   - A member is responsible for its weight's share of the partitions, in expectation. Of 16384 partitions the worst of
//     3 to 50 members of equal weight has at most 1.25 of the fair share for each of 100 seeds.
//   - [Table.AppendOwners] is one order of all members for a partition: whoever is lost, the others keep their order, so
//     the second is who takes over from the first.
//   - Twice the Partitions move only the keys that the new partitions take.
//   - A Table never changes and may be used by any number of goroutines. Lookups allocate nothing.
//
// # Not guaranteed
//
//   - Nodes that see different members up, during a split or while news spreads, have different tables: two may each
//     hold themselves responsible for a key. Who needs one at most fences it.
//   - No load is measured: a partition with a hot key is as large as any other. Who may choose keys freely can choose them
//     of one partition; the hash of keys has no secret.
//   - Shares are even as chance is. Of 50 members the worst share is above 1.25 of the fair one in one table of
//     some thousands, of more members or very different weights more often. Another Seed or more Partitions help.
//
// # Limits
//
// [MaxMembers] members, names up to [MaxNameBytes], weights up to [MaxWeight], [MaxPartitions] partitions. Building a
// table takes a step for each partition and each unit of weight: about 2 ms for 16384 partitions and 50 members of weight
// 1. A table has 2 bytes per partition.
package placement
