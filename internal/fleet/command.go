package fleet

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// pending is a command whose reply is awaited.
type pending struct {
	request  bambu.Request
	sequence string // ours
	said     string // class and command as the printer got them
	sentAt   time.Time
	own      bool // the server asked, nobody else wants the reply
	done     func(report bambu.Report, lost bool)
	unsent   func() // it was surely not sent; nil: done is told that it is lost
}

// answeredBy reports whether a reply under our sequence id is ours: on its own network
// a printer answers everybody in one topic, and other programs count as well.
func (p *pending) answeredBy(r bambu.Report) bool { return p.said == r.Class+"."+r.Command }

// answered turns the printer's reply into the asker's own: the command and the
// sequence id it sent, whatever was said to the printer.
func (p *pending) answered(payload []byte, report bambu.Report) []byte {
	if p.done != nil {
		p.done(report, false)
	}
	if p.own {
		return nil
	}
	if p.request.Documented() {
		return bambu.Answer(p.request, report, why(report))
	}
	return asAsked(payload, report, p.request)
}

// asAsked puts the asker's sequence id into a reply, as it was written, and into a
// refusal what to do about it. What can't be read goes on as it came.
func asAsked(payload []byte, report bambu.Report, r bambu.Request) []byte {
	var message map[string]map[string]json.RawMessage
	if err := json.Unmarshal(payload, &message); err != nil || message[report.Class] == nil {
		return payload
	}
	body := message[report.Class]
	body["sequence_id"] = json.RawMessage(`"0"`)
	if id, ok := r.Fields["sequence_id"]; ok {
		body["sequence_id"] = id
	}
	if report.Failed() {
		words, err := json.Marshal(why(report))
		if err != nil {
			return payload
		}
		body["reason"] = words
	}
	out, err := json.Marshal(message)
	if err != nil {
		return payload
	}
	return out
}

// Request takes a message that a client published for a printer. Whatever this
// house refuses or answers itself goes to reply, as a report. It waits for no printer: the
// client's next message, which may be a stop, waits behind this one.
func (f *Fleet) Request(ctx context.Context, actor grove.Actor, serial string, payload []byte, reply func([]byte)) {
	requests, err := bambu.ParseRequests(payload)
	if err != nil {
		f.metrics.refused.Inc()
		reply(bambu.Reply(bambu.Request{Class: "print", Command: "unknown"}, "fail", words(err)))
		return
	}
	for _, r := range requests {
		o := order{actor: actor, serial: serial, request: r, reply: reply}
		if err := f.issue(ctx, &o); err != nil {
			f.metrics.refused.Inc()
			f.Log.Info("command refused", slog.String("printer", serial), slog.String("command", r.Command), slog.Any("error", err))
			reply(bambu.Reply(r, "fail", words(err)))
		} else if o.job != nil {
			reply(bambu.Reply(r, "success", "queued as job "+o.job.TaskID()))
		}
	}
}

// words is what a person may read of err.
func words(err error) string {
	e := grove.AsError(err)
	return strings.TrimSpace(e.Message)
}

// Command sends one command and waits for the printer's own answer, at most for
// Config.Reply: sent is not accepted. Payload is a whole MQTT message with one
// class object.
func (f *Fleet) Command(ctx context.Context, actor grove.Actor, serial string, payload []byte) (grove.CommandResult, error) {
	requests, err := bambu.ParseRequests(payload)
	if err != nil {
		return grove.CommandResult{}, err
	}
	if len(requests) != 1 {
		return grove.CommandResult{}, grove.Errorf(grove.Invalid, "one_command", "send one command at a time, not %d", len(requests))
	}
	r := requests[0]
	answer := make(chan grove.CommandResult, 1)
	result := grove.CommandResult{Command: r.Command, SequenceID: r.SequenceID, Outcome: grove.CommandTimedOut}
	o := order{actor: actor, serial: serial, request: r, reply: func([]byte) {}, patient: true}
	o.done = func(report bambu.Report, lost bool) {
		got := result
		if !lost {
			got.Outcome, got.Reason = outcome(report), report.Reason
			if report.Failed() {
				got.Reason = why(report)
			}
		}
		answer <- got
	}
	if err := f.issueInTime(ctx, &o); err != nil {
		return grove.CommandResult{}, err
	}
	if o.job != nil {
		result.Outcome, result.JobID = grove.CommandQueued, o.job.TaskID()
		return result, nil
	}
	if o.known {
		result.Outcome = grove.CommandAccepted
		return result, nil
	}
	wait := time.NewTimer(f.Reply)
	defer wait.Stop()
	select {
	case got := <-answer:
		return got, nil
	case <-wait.C:
		result.Reason = f.silent(serial)
		return result, nil
	case <-ctx.Done():
		return result, nil
	}
}

func outcome(r bambu.Report) grove.Outcome {
	if r.Failed() {
		return grove.CommandRejected
	}
	return grove.CommandAccepted
}

// order is one command on its way through the rules.
type order struct {
	actor   grove.Actor
	serial  string
	request bambu.Request
	reply   func([]byte)
	done    func(bambu.Report, bool)
	patient bool // whoever gives it may be kept waiting until the printer has told what it is at

	job   *grove.Job // it was a start and became this
	known bool       // answered from what is known
}

// maxAge is how old a command may be when it is sent: whoever gave it has seen
// the printer as it was then.
const maxAge = 10 * time.Second

func (f *Fleet) issueInTime(ctx context.Context, o *order) error {
	ctx, cancel := context.WithTimeout(ctx, maxAge)
	defer cancel()
	return f.issue(ctx, o)
}

// issue is the one way of a command: authorised, checked against the model,
// audited, sent.
func (f *Fleet) issue(ctx context.Context, o *order) error {
	u, err := f.may(o.actor, actionOf(o.request), o.serial)
	if err != nil {
		return err
	}
	u.mu.Lock()
	model, away := u.state.Narrow(u.model), error(nil)
	if u.link == nil || u.quarantined() {
		away = u.unlinked()
	}
	u.mu.Unlock()
	if err := bambu.Check(model, o.request); err != nil {
		return err
	}
	if away != nil {
		return away
	}
	if kind := o.request.Kind(); o.request.Expected != nil && (kind == bambu.KindStart || kind == bambu.KindRead) {
		return grove.Errorf(grove.Invalid, "expected_print", "expected_print goes with commands that act on a print; %s.%s does not", o.request.Class, o.request.Command)
	}
	if o.request.Kind() == bambu.KindStart {
		return f.wish(ctx, o)
	}
	if f.answerKnown(u, o) {
		return nil
	}
	if o.request.Expected != nil && o.patient {
		f.hear(ctx, u)
	}
	c := f.physical(u, o.actor, pending{request: o.request, done: o.done})
	switch {
	case o.request.Urgent():
		return f.sendAlways(ctx, c)[0]
	case o.request.Kind() == bambu.KindRead:
		return f.send(u, c.pending)
	}
	return f.sendKept(ctx, &c)
}

func actionOf(r bambu.Request) grove.Action {
	switch r.Kind() {
	case bambu.KindRead:
		return grove.ReadPrinter
	case bambu.KindHeat:
		return grove.HeatPrinter
	case bambu.KindGcode:
		return grove.SendGcode
	case bambu.KindStart:
		return grove.StartPrint
	case bambu.KindControl, bambu.KindUnknown:
	}
	return grove.ControlPrinter
}

// wish makes a job of a start. It never passes through.
func (f *Fleet) wish(ctx context.Context, o *order) error {
	w, err := bambu.ParseStart(o.request)
	if err != nil {
		return err
	}
	job, err := f.starts.Wish(ctx, o.actor, o.serial, w)
	if err != nil {
		return err
	}
	o.job = &job
	return nil
}

// answerKnown answers a pushall, and a start of reports, from the merged state as long
// as that is whole and fresh and the printer was asked lately: to ask it more often
// strains it. A stop of reports would stop them for everybody else, so it goes no
// further: who wants none unsubscribes.
func (f *Fleet) answerKnown(u *unit, o *order) bool {
	switch o.request.Class + "." + o.request.Command {
	case "pushing.pushall", "pushing.start":
	case "pushing.stop":
		o.known = true
		return true
	default:
		return false
	}
	u.mu.Lock()
	asked, quiet := time.Since(u.pushallAt), time.Since(u.reportedAt) > f.Silence
	fresh := u.complete && (asked < bambu.PushallApart || asked < u.model.PushallEvery() && !quiet)
	if !fresh {
		u.pushallAt = time.Now()
	}
	var payload []byte
	if fresh {
		payload = u.state.PushStatus(o.request.SequenceID, u.reportedAt)
	}
	u.mu.Unlock()
	if fresh {
		o.known = true
		o.reply(payload)
	}
	return fresh
}

// send writes a command, which has its number, to the printer's link, now or never.
func (f *Fleet) send(u *unit, p pending) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.link == nil || u.quarantined() {
		return u.unlinked()
	}
	if err := u.isAt(p.request); err != nil {
		return err
	}
	p.sentAt = time.Now()
	payload, err := bambu.Translate(u.model, u.state, p.request, p.sequence)
	if err != nil {
		return err
	}
	return f.write(u, &p, payload, p.sentAt.Add(maxAge))
}

// write is the last step before the socket, which takes no byte after until. The
// caller holds u.mu.
func (f *Fleet) write(u *unit, p *pending, payload []byte, until time.Time) error {
	said, err := bambu.ParseRequests(payload)
	if err != nil {
		return err
	}
	p.said = said[0].Class + "." + said[0].Command
	u.pending[p.sequence] = p
	if err := u.link.Send(payload, until, func() { f.late(u, p) }); err != nil {
		delete(u.pending, p.sequence)
		f.Log.Warn("command not sent", slog.String("printer", u.serial), slog.Any("error", err))
		return &grove.Error{
			Code: grove.Unavailable, Reason: "link_busy", Err: err, RetryAfter: time.Second,
			Message: "the printer's connection takes nothing more just now; the command was dropped, send it again",
		}
	}
	f.metrics.commands.Inc()
	return nil
}

// late settles a command that the link took and surely did not send.
func (f *Fleet) late(u *unit, p *pending) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.pending[p.sequence] != p {
		return // given up already, with its link
	}
	delete(u.pending, p.sequence)
	f.Log.Warn("command not sent in time", slog.String("printer", u.serial), slog.String("command", p.request.Command))
	switch {
	case p.unsent != nil:
		p.unsent()
	case p.done != nil:
		p.done(bambu.Report{}, true)
	}
}
