package report

import "time"

// Report is the result of one run.
type Report struct {
	Date     time.Time `json:"date"`
	Machine  Machine   `json:"machine"`
	Rounds   int       `json:"rounds"`
	Duration string    `json:"duration,omitempty"`
	Groups   []Group   `json:"groups"`
	Notes    []string  `json:"notes,omitempty"`

	Bases map[Unit]Series `json:"bases,omitempty"` // the baselines' nanoseconds per operation, of all rounds of the run
}

// Machine says where a run took place, with the versions of what was measured.
type Machine struct {
	OS       string            `json:"os"`
	CPU      string            `json:"cpu"`
	Cores    int               `json:"cores"`
	Procs    int               `json:"gomaxprocs"`
	Versions map[string]string `json:"versions"`
}

// Group is one table.
type Group struct {
	Title string `json:"title"`
	Rows  []Row  `json:"rows"`
}

// Tally counts the rows with each verdict.
func (r Report) Tally() map[Verdict]int {
	tally := make(map[Verdict]int)
	for _, g := range r.Groups {
		for _, row := range g.Rows {
			v, _ := row.Judge()
			tally[v]++
		}
	}
	return tally
}
