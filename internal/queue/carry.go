package queue

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grovecloud/grove"
)

// Carriers bring files to printers' own storage, where the way to them can.
type Carriers interface {
	// Berth is where the file of a job is to lie. False: the printer fetches it.
	Berth(serial string, job int64, name string) (grove.Berth, bool)
	// Carry brings it there, whole, or leaves nothing.
	Carry(ctx context.Context, serial string, l grove.Load, told func(sent, total int64)) error
	// Drop deletes it. What is not there is deleted.
	Drop(ctx context.Context, serial, path string) error
}

// loads are the uploads that go on, by job.
type loads struct {
	mu  sync.Mutex
	all map[int64]*load
}

type load struct {
	end     context.CancelFunc
	percent atomic.Int64
}

func (l *loads) begin(job int64, end context.CancelFunc) *load {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[int64]*load{}
	}
	one := &load{end: end}
	l.all[job] = one
	return one
}

func (l *loads) over(job int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.all, job)
}

func (l *loads) of(job int64) *load {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all[job]
}

// stop ends the upload of a job that is wanted no more.
func (l *loads) stop(job int64) {
	if one := l.of(job); one != nil {
		one.end()
	}
}

func (l *load) told(sent, total int64) {
	if total > 0 {
		l.percent.Store(sent * 100 / total)
	}
}

// carry brings a claimed job's file to its printer and makes the job ready. Where
// the file will lie is stored before its first byte leaves, and no transaction is
// open while it goes.
func (q *Queue) carry(ctx context.Context, j grove.Job, f grove.File, b grove.Berth) (ready bool, err error) {
	going, end := context.WithDeadline(ctx, j.StartBy)
	defer end()
	l := q.loads.begin(j.ID, end)
	defer q.loads.over(j.ID)
	if old := j.RemotePath; old != "" && old != b.Path {
		if err := q.Carriers.Drop(going, j.Serial, old); err != nil {
			return false, q.release(ctx, j.ID, misfitOf(err))
		}
	}
	_, err = q.Records.UpdateJob(ctx, j.ID, func(now *grove.Job) ([]grove.Event, error) {
		now.RemotePath, now.RemoteToldAt = b.Path, time.Time{}
		err := stillOn(now, j.Serial, grove.Uploading)
		return []grove.Event{q.onItsWay(now, "its file is brought to the printer")}, err
	})
	if err != nil {
		return false, err
	}
	err = q.Carriers.Carry(going, j.Serial, grove.Load{Path: b.Path, Size: f.SizeBytes, Open: func(ctx context.Context) (io.ReadCloser, error) {
		return q.Files.Content(ctx, f)
	}}, l.told)
	if err != nil {
		q.metrics.uncarried.Inc()
		return false, q.notCarried(ctx, j, err)
	}
	q.metrics.carried.Inc()
	after, err := q.Records.UpdateJob(ctx, j.ID, func(now *grove.Job) ([]grove.Event, error) {
		if now.State != grove.Uploading {
			return nil, nil // cancelled at the last moment
		}
		return nil, stillOn(now, j.Serial, grove.Ready)
	})
	return err == nil && after.State == grove.Ready, err
}

// notCarried says what becomes of a job whose file did not arrive. Nothing was started.
func (q *Queue) notCarried(ctx context.Context, j grove.Job, why error) error {
	if ctx.Err() != nil {
		return ctx.Err() // the server stops; it is settled at the next start
	}
	q.Log.Warn("file not brought to the printer", slog.Int64("job", j.ID), slog.String("printer", j.Serial), slog.Any("error", why))
	live, err := q.Printers.Now(j.Serial)
	switch {
	case !time.Now().Before(j.StartBy):
		_, err = q.Records.UpdateJob(ctx, j.ID, func(j *grove.Job) ([]grove.Event, error) {
			return q.lapse(j, "its file could not be brought to the printer in time")
		}, jobAct(house, &j, "job.expire"))
	case err != nil || !live.Connected:
		err = q.release(ctx, j.ID, grove.Misfit{Reason: grove.ReasonPrinterOffline, Message: "the printer went away while its file was brought there"})
	default:
		err = q.fail(ctx, j, grove.ReasonUploadFailed, grove.AsError(why).Message+"; nothing was started, print it again")
	}
	if errors.Is(err, grove.Conflict) {
		return nil // cancelled meanwhile
	}
	return err
}

// tidySoon and tidyEvery: how often the deletion of a file is tried in the first minute
// and later. alarmAfter: for how long before a person is told.
const (
	tidySoon   = 5 * time.Second
	tidyEvery  = time.Minute
	alarmAfter = 10 * time.Minute
)

// tidy has the files deleted that lie on printers for nothing.
func (q *Queue) tidy(ctx context.Context, c *crew) error {
	left, err := q.Records.Leftovers(ctx)
	if err != nil {
		return err
	}
	now, since := time.Now(), past{}
	for _, j := range left {
		first, tried := q.untidy[j.ID]
		if tried {
			since[j.ID] = first // also while the printer is away: it may come and go for days
		}
		if _, can := q.Carriers.Berth(j.Serial, j.ID, j.FileName); !can || q.prints(&j) {
			continue // asked when it can be done
		}
		if !tried {
			first, since[j.ID] = now, now
		}
		every := tidyEvery
		if now.Sub(first) < tidyEvery {
			every = tidySoon
		}
		if !q.tidied.due(j.ID, now, every) {
			continue
		}
		q.hand(ctx, c.carriers, c, j, func(ctx context.Context, j grove.Job) error {
			return q.drop(ctx, j, first)
		})
	}
	q.untidy = since
	return nil
}

// drop deletes a job's file from its printer, if it is still there for nothing. since is
// when that was first tried.
func (q *Queue) drop(ctx context.Context, listed grove.Job, since time.Time) error {
	j, err := q.Records.Job(ctx, listed.ID)
	if err != nil || j.RemotePath != listed.RemotePath || j.State != listed.State {
		return err // it began again since the list was made; the next list tells
	}
	err = q.Carriers.Drop(ctx, j.Serial, j.RemotePath)
	if err == nil {
		_, err = q.Records.UpdateJob(ctx, j.ID, func(now *grove.Job) ([]grove.Event, error) {
			if now.RemotePath != j.RemotePath {
				return nil, nil
			}
			now.RemotePath, now.RemoteToldAt = "", time.Time{}
			if now.State == grove.Queued && loose(now) {
				now.Serial = ""
			}
			return nil, nil
		})
		q.Kick()
		return err
	}
	if time.Since(since) < alarmAfter || !j.RemoteToldAt.IsZero() {
		if grove.HasReason(err, grove.ReasonStorageBusy) {
			return nil // with a file that somebody reads
		}
		return err
	}
	words := grove.AsError(err).Message + "; it is tried again and again, or delete " + j.RemotePath + " yourself"
	_, told := q.Records.UpdateJob(ctx, j.ID, func(j *grove.Job) ([]grove.Event, error) {
		j.RemoteToldAt = time.Now().UTC()
		return []grove.Event{q.event(grove.StorageLeft, j, "left", words)}, nil
	})
	if told != nil {
		return told
	}
	return err
}
