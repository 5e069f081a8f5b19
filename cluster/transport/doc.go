// Package transport keeps sessions between nodes and moves records over them.
package transport
