package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// run tells the prints of one printer apart, by what it was seen to do alone: clocks step,
// names come late and may be the same. Where it can't tell, it counts two prints as one.
type run struct {
	Number int64 `json:"run"`
	// Task is the print's own task: not 0, and not what was shown before it.
	Task string `json:"task,omitempty"`
	// Former is the task that was shown before it; some printers show it for a while.
	Former string `json:"former,omitempty"`
	Rested bool   `json:"rested,omitempty"` // at rest since: what moves is the next
}

// sees takes in what the printer says now.
func (r *run) sees(s grove.Shadow) {
	task := s.TaskID
	if task == "0" {
		task = ""
	}
	switch {
	case s.Idle():
		r.Rested, r.Task, r.Former = true, "", task
	case !s.Moves():
	case r.Rested, r.Number == 0:
		if !r.Rested && (s.State == "PREPARE" || s.State == "SLICING") {
			r.Former = task
		}
		r.Number++
		r.Rested = false
		r.learn(task)
	case r.Task == "":
		r.learn(task)
	case task != "" && task != r.Task:
		r.Number++
		r.Former, r.Task = r.Task, task
	}
}

func (r *run) learn(task string) {
	if task != r.Former {
		r.Task = task
	}
}

// noted is what is stored with a printer's state.
func (r *run) noted(state []byte) []byte {
	raw, err := json.Marshal(r)
	if err != nil || r.Number == 0 {
		return state
	}
	rest, _ := bytes.CutPrefix(state, []byte("{"))
	out := append([]byte(`{"`+bambu.NotedMember+`":`), raw...)
	if !bytes.Equal(rest, []byte("}")) {
		out = append(out, ',')
	}
	return append(out, rest...)
}

// runOf is the run that was stored with a state, or what the state alone tells.
func runOf(state []byte, s grove.Shadow) run {
	var stored map[string]json.RawMessage
	var r run
	if json.Unmarshal(state, &stored) != nil || json.Unmarshal(stored[bambu.NotedMember], &r) != nil || r.Number < 0 {
		r = run{}
	}
	r.sees(s)
	return r
}

// awaited is a start that was sent, or may have been, and that no report has shown yet.
type awaited struct {
	task  string
	until time.Time // monotonic
}

// Await says that the start of a job may have been sent to a printer by a former process,
// at sentAt; quiet is [Order]'s. One of the future counts as sent now: clocks are set back.
func (f *Fleet) Await(serial string, job int64, sentAt time.Time, quiet time.Duration) {
	u, err := f.unit(serial)
	if err != nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.await(job, quiet-max(time.Since(sentAt), 0))
}

// await expects a start to show within that time. The caller holds u.mu.
func (u *unit) await(job int64, within time.Duration) {
	u.awaited = awaited{task: strconv.FormatInt(job, 10), until: time.Now().Add(within)}
}

// counted takes in for the counts of prints what the printer says. The caller holds u.mu.
func (u *unit) counted() {
	u.run.sees(u.shadow)
	if u.shadow.TaskID == u.awaited.task {
		u.awaited = awaited{}
	}
}

// tellsSoon is how long the first full report of a link may take: it is asked for as the
// link comes up.
const tellsSoon = 3 * time.Second

// hear waits a little for the first full report of a link: until then what is known of
// the printer may be over.
func (f *Fleet) hear(ctx context.Context, u *unit) {
	u.mu.Lock()
	known, arrived := u.complete || u.link == nil, u.full
	u.mu.Unlock()
	if known {
		return
	}
	wait := time.NewTimer(tellsSoon)
	defer wait.Stop()
	select {
	case <-arrived:
	case <-wait.C:
	case <-ctx.Done():
	}
}

// isAt refuses what is meant for another print than the one that the printer is at, where
// that is sure: to keep a stop from a machine is worse than to stop it once too often, and
// of a job it may not be known yet that it begins. The caller holds u.mu.
func (u *unit) isAt(r bambu.Request) error {
	meant, s := r.Expected, &u.shadow
	switch {
	case meant == nil, !u.complete && r.Urgent():
		return nil
	case !u.complete:
		return grove.Errorf(grove.Conflict, "printer_silent",
			"printer %s has not told yet what it is at, so nothing was sent; try again in a moment", u.serial)
	case s.Idle() && (meant.Run != 0 || !r.Urgent() && !u.onItsWay(meant)):
		return grove.Errorf(grove.Conflict, "print_over",
			"the print that is meant does not run, so nothing was sent: printer %s is at rest (%s)", u.serial, s.State)
	case s.Moves() && u.elsewhere(meant):
		return grove.Errorf(grove.Conflict, grove.ReasonAnotherPrint,
			"the print that is meant is over, so nothing was sent: printer %s is at %q by now (task %s, %d %%); look at it, and give the command for that one if it is meant",
			u.serial, s.FileName, s.TaskID, s.Percent)
	}
	return nil
}

// elsewhere reports whether a printer that moves is surely not at what is meant. Within
// one run the task may still come. The caller holds u.mu.
func (u *unit) elsewhere(meant *grove.ExpectedPrint) bool {
	if meant.Run != 0 {
		return meant.Run != u.run.Number
	}
	now := u.shadow.TaskID
	return now != "" && now != meant.TaskID && !u.onItsWay(meant)
}

// onItsWay reports whether the start of the job that is meant was sent and may be all that
// is missing. The caller holds u.mu.
func (u *unit) onItsWay(meant *grove.ExpectedPrint) bool {
	return u.awaited.task == meant.TaskID && time.Now().Before(u.awaited.until)
}

// Stop stops a job at its printer: whatever that does, unless it is surely at another
// print, for which it is Conflict another_print.
func (f *Fleet) Stop(ctx context.Context, actor grove.Actor, serial string, job int64) error {
	payload, err := json.Marshal(map[string]any{
		"print":          map[string]any{"command": "stop", "param": "", "sequence_id": "0"},
		"expected_print": grove.ExpectedPrint{TaskID: strconv.FormatInt(job, 10)},
	})
	if err != nil {
		return err
	}
	_, err = f.Command(ctx, actor, serial, payload)
	return err
}
