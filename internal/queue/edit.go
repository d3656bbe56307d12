package queue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/grovecloud/grove"
)

// Edit is a change of a job that waits. Nil fields stay. Serial and Any replace each
// other.
type Edit struct {
	Revision  string // of what is changed, as it was seen; empty: whatever it is by now
	Plate     *int
	Options   *grove.Options
	NotBefore *time.Time // past: at once
	Serial    *string
	Any       *grove.Criteria
}

// notQueued refuses what can be done to queued jobs alone.
func notQueued(j *grove.Job) error {
	return grove.Errorf(grove.Conflict, "job_state", "job %d is %s; only a queued job can be changed or moved", j.ID, j.State)
}

// Edit changes a job that waits. Once it is claimed it can't be changed any more:
// Conflict job_state. Conflict job_changed when somebody else changed it meanwhile.
func (q *Queue) Edit(ctx context.Context, actor grove.Actor, id int64, e Edit) (grove.Job, error) {
	before, err := q.own(ctx, actor, grove.WriteJobs, id)
	if err != nil {
		return before, err
	}
	if before.State != grove.Queued {
		return before, notQueued(&before)
	}
	if e.Revision != "" && e.Revision != revision(&before) {
		return before, changedMeanwhile(id)
	}
	draft, err := q.plan(ctx, actor, e.of(&before), func(int64) (grove.File, error) { return q.Files.Ready(ctx, before.FileID) })
	if err != nil {
		return before, err
	}
	if draft.OwnerID != before.OwnerID {
		return before, grove.Errorf(grove.Invalid, "other_owner", "job %d is of another account's printer; cancel it, and make one there", id)
	}
	j, err := q.Records.UpdateJob(ctx, id, func(j *grove.Job) ([]grove.Event, error) {
		if err := e.apply(j, &before, draft); err != nil {
			return nil, err
		}
		return []grove.Event{q.event(grove.JobChanged, j, "changed", j.Why)}, nil
	}, jobAct(actor, &before, "job.edit"))
	if err != nil {
		return j, err
	}
	q.Kick()
	return q.shown(j), nil
}

// revision is a word for what is asked of a job, as far as it can be edited.
func revision(j *grove.Job) string {
	asked, err := json.Marshal(Edit{}.of(j))
	if err != nil {
		return "" // of what is no JSON, which no job has
	}
	sum := sha256.Sum256(asked)
	return hex.EncodeToString(sum[:8])
}

func changedMeanwhile(id int64) error {
	return grove.Errorf(grove.Conflict, "job_changed", "job %d was changed by somebody else meanwhile, so your change was not made; look at it, then change it again", id)
}

// of is what the job will have been submitted as.
func (e Edit) of(j *grove.Job) Submission {
	s := Submission{Serial: j.Serial, Any: j.Any, Plate: j.Plate, Options: j.Options, NotBefore: j.NotBefore}
	if e.Plate != nil {
		s.Plate = *e.Plate
	}
	if e.Options != nil {
		s.Options = *e.Options
	}
	if e.NotBefore != nil {
		s.NotBefore = *e.NotBefore
	}
	if e.Serial != nil {
		s.Serial, s.Any = *e.Serial, nil
	}
	if e.Any != nil {
		s.Any = e.Any
	}
	if s.Any != nil {
		s.Serial = ""
	}
	return s
}

// apply gives a job what was drafted of it, as it was before, and the edit. While
// something of it lies on a printer, that stays its printer.
func (e Edit) apply(j, before *grove.Job, draft grove.Job) error {
	if j.State != grove.Queued {
		return notQueued(j)
	}
	if revision(j) != revision(before) { // the draft would undo that
		return changedMeanwhile(j.ID)
	}
	if j.RemotePath == "" {
		j.Serial = draft.Serial
	} else if draft.Serial != "" && draft.Serial != j.Serial {
		return grove.Errorf(grove.Conflict, "file_left", "the file of job %d still lies on printer %s; it is deleted there first, so try again in a minute", j.ID, j.Serial)
	}
	j.Any, j.Options = draft.Any, draft.Options
	j.Plate, j.EstimateSeconds, j.WeightGrams = draft.Plate, draft.EstimateSeconds, draft.WeightGrams
	j.Filaments, j.LengthMeters = draft.Filaments, draft.LengthMeters
	j.Why, j.Waits = draft.Why, nil
	if e.NotBefore != nil {
		j.NotBefore, j.ExpiresAt = draft.NotBefore, draft.ExpiresAt
	}
	return nil
}

// Reprint makes a new job of the same file, plate, wishes and printers. Trays that the
// server had chosen are chosen anew.
func (q *Queue) Reprint(ctx context.Context, actor grove.Actor, id int64) (grove.Job, error) {
	before, err := q.Job(ctx, actor, id)
	if err != nil {
		return before, err
	}
	if before.FileID == "" {
		return before, refuse("the file of job %d was never here; upload it, then print it", id)
	}
	s := Edit{}.of(&before)
	s.NotBefore, s.FileID, s.Title = time.Time{}, before.FileID, before.FileName
	if before.Options.AutoMapped {
		s.Options.UseAMS, s.Options.AMSMapping = true, nil
	}
	draft, err := q.plan(ctx, actor, s, q.shelf(ctx, s))
	if err != nil {
		return before, err
	}
	draft.ProfileID, draft.ModelID = before.ProfileID, before.ModelID
	made, err := q.create(ctx, actor, draft, 1)
	if err != nil {
		return before, err
	}
	return made[0], nil
}

// Move gives a queued job another place in its owner's line.
func (q *Queue) Move(ctx context.Context, actor grove.Actor, id int64, to grove.LinePlace) (grove.Job, error) {
	before, err := q.own(ctx, actor, grove.WriteJobs, id)
	if err != nil {
		return before, err
	}
	m, err := moveOf(id, to)
	if err != nil {
		return before, err
	}
	if m.beside != 0 {
		if _, err := q.Job(ctx, actor, m.beside); err != nil {
			return before, err
		}
	}
	moved := func(line []grove.Job) (map[int64]int64, []grove.Event, error) {
		places, err := m.places(line)
		if err != nil || len(places) == 0 {
			return nil, nil, err
		}
		j := line[slices.IndexFunc(line, func(j grove.Job) bool { return j.ID == id })]
		return places, []grove.Event{q.event(grove.JobChanged, &j, "moved", j.Why)}, nil
	}
	err = q.Records.ChangeLine(ctx, before.OwnerID, moved, jobAct(actor, &before, "job.move"))
	if err != nil {
		return before, err
	}
	q.Kick()
	return q.Job(ctx, actor, id)
}

// move is where a job goes: beside another, else to the bottom or the top.
type move struct {
	id, beside    int64
	after, bottom bool
}

func moveOf(id int64, to grove.LinePlace) (move, error) {
	given := 0
	for _, word := range []string{to.Before, to.After, to.To} {
		if word != "" {
			given++
		}
	}
	m := move{id: id, after: to.After != "", bottom: to.To == "bottom"}
	var err error
	if beside := to.Before + to.After; given == 1 && beside != "" {
		m.beside, err = strconv.ParseInt(beside, 10, 64)
	}
	if given != 1 || err != nil || m.beside < 0 || m.beside == id || to.To != "" && to.To != "top" && !m.bottom {
		return m, grove.Errorf(grove.Invalid, "bad_place", `a job is moved {"before": ID}, {"after": ID} of another job, or {"to": "top"} or {"to": "bottom"}, one of them`)
	}
	return m, nil
}

// places says which jobs of a line get which place.
func (m move) places(line []grove.Job) (map[int64]int64, error) {
	at := func(id int64) int { return slices.IndexFunc(line, func(j grove.Job) bool { return j.ID == id }) }
	from := at(m.id)
	if from < 0 {
		return nil, grove.Errorf(grove.Conflict, "job_state", "job %d does not wait any more; only a queued job can be moved", m.id)
	}
	moved := line[from]
	line = slices.Delete(slices.Clone(line), from, from+1)
	to := 0
	switch {
	case m.bottom:
		to = len(line)
	case m.beside != 0:
		if to = at(m.beside); to < 0 {
			return nil, grove.Errorf(grove.Conflict, "job_state", "job %d does not wait in the same line, so nothing can be put beside it", m.beside)
		}
		if m.after {
			to++
		}
	}
	return between(line, moved, to), nil
}

// between gives a job a place in a line that it is not in, and all of them new ones
// where there is no room.
func between(line []grove.Job, moved grove.Job, at int) map[int64]int64 {
	switch {
	case len(line) == 0:
		return nil
	case at == 0:
		return map[int64]int64{moved.ID: line[0].Position - grove.PlaceStep}
	case at == len(line):
		return map[int64]int64{moved.ID: line[at-1].Position + grove.PlaceStep}
	}
	low, high := line[at-1].Position, line[at].Position
	if high-low >= 2 {
		return map[int64]int64{moved.ID: low + (high-low)/2}
	}
	places := map[int64]int64{}
	for i, j := range slices.Insert(slices.Clone(line), at, moved) {
		places[j.ID] = line[0].Position + int64(i)*grove.PlaceStep
	}
	return places
}
