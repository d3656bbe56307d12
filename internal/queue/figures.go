package queue

import (
	"context"
	"maps"
	"slices"

	"github.com/grovecloud/grove"
)

// EachJob gives those of the actor's jobs that a query is about to fn, newest first.
func (q *Queue) EachJob(ctx context.Context, actor grove.Actor, query grove.JobQuery, fn func(grove.Job) error) error {
	if err := q.Gate.Authorize(actor, grove.ReadJobs, grove.Resource{OwnerID: actor.UserID}); err != nil {
		return err
	}
	return q.Records.EachJobWithin(ctx, q.Gate.Reach(actor), query, fn)
}

// Figures counts those of the actor's jobs that a query is about and that have ended.
// Prints that clients started over the LAN themselves are left out: nobody told what
// became of them.
func (q *Queue) Figures(ctx context.Context, actor grove.Actor, query grove.JobQuery) (grove.JobFigures, error) {
	out := grove.JobFigures{From: query.From, To: query.To}
	printers, materials := map[string]*grove.PrinterTally{}, map[string]*grove.MaterialTally{}
	query.States = []grove.JobState{grove.Finished, grove.Failed, grove.Cancelled, grove.Expired}
	err := q.EachJob(ctx, actor, query, func(j grove.Job) error {
		if j.Mode == "lan_file" {
			return nil
		}
		p, ok := printers[j.Serial]
		if !ok {
			p = &grove.PrinterTally{Serial: j.Serial}
			if live, err := q.Printers.Live(ctx, actor, j.Serial); err == nil {
				p.Name = live.Name
			}
			printers[j.Serial] = p
		}
		count(&out.JobTally, &j)
		count(&p.JobTally, &j)
		consume(materials, &j)
		return nil
	})
	if err != nil {
		return out, err
	}
	out.SuccessRate = rate(out.JobTally)
	out.Printers, out.Materials = []grove.PrinterTally{}, []grove.MaterialTally{}
	for _, serial := range slices.Sorted(maps.Keys(printers)) {
		p := *printers[serial]
		p.SuccessRate = rate(p.JobTally)
		out.Printers = append(out.Printers, p)
	}
	for _, kind := range slices.Sorted(maps.Keys(materials)) {
		out.Materials = append(out.Materials, *materials[kind])
	}
	return out, nil
}

// count adds a job that has ended.
func count(t *grove.JobTally, j *grove.Job) {
	switch j.State { //nolint:exhaustive // no other has ended
	case grove.Finished:
		t.Finished++
		t.Grams += j.WeightGrams
		t.Meters += j.LengthMeters
	case grove.Failed:
		t.Failed++
	case grove.Cancelled:
		t.Cancelled++
	case grove.Expired:
		t.Expired++
	}
	if !j.StartedAt.IsZero() && j.FinishedAt.After(j.StartedAt) {
		t.PrintSeconds += int64(j.FinishedAt.Sub(j.StartedAt).Seconds())
	}
}

// rate is the share of prints that finished; nil where none ended by itself.
func rate(t grove.JobTally) *float64 {
	if t.Finished+t.Failed == 0 {
		return nil
	}
	share := float64(t.Finished) / float64(t.Finished+t.Failed)
	return &share
}

// consume adds what a finished job took, by the type of filament.
func consume(materials map[string]*grove.MaterialTally, j *grove.Job) {
	if j.State != grove.Finished {
		return
	}
	taken := j.Filaments
	if len(taken) == 0 {
		taken = []grove.Filament{{Grams: j.WeightGrams, Meters: j.LengthMeters}}
	}
	counted := map[string]bool{}
	for _, f := range taken {
		m := materials[f.Type]
		if m == nil {
			m = &grove.MaterialTally{Type: f.Type}
			materials[f.Type] = m
		}
		m.Grams += f.Grams
		m.Meters += f.Meters
		if !counted[f.Type] {
			counted[f.Type] = true
			m.Prints++
		}
	}
}
