//go:build !race

package handoff

// How many of the orders the searches try; HANDOFF_ALL=1 tries all.
const manyOrders, fewOrders = 2, 1
