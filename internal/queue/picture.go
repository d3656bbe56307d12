package queue

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/grovecloud/grove"
)

// The bounds of pictures at the end of prints: how many wait and are taken at a time,
// and for how long each is tried.
const (
	picturesWaiting = 64
	picturesAtOnce  = 8
	pictureTime     = 30 * time.Second
)

// photograph has a picture taken of a printer whose job has just ended. It never
// waits: when too many have, there is none.
func (q *Queue) photograph(j *grove.Job) {
	select {
	case q.ended <- *j:
	default:
		q.Log.Warn("no picture of the end of a job: too many ended at once", slog.Int64("job", j.ID))
	}
}

// takePictures takes them until ctx ends.
func (q *Queue) takePictures(ctx context.Context) error {
	var hands errgroup.Group
	hands.SetLimit(picturesAtOnce)
	for {
		select {
		case <-ctx.Done():
			return hands.Wait()
		case j := <-q.ended:
			hands.Go(func() error {
				err := q.takePicture(ctx, j)
				if err != nil && !errors.Is(err, grove.NotFound) && ctx.Err() == nil { // most printers have none
					q.Log.Warn("no picture of the end of a job", slog.Int64("job", j.ID), slog.String("printer", j.Serial), slog.Any("error", err))
				}
				return nil
			})
		}
	}
}

// takePicture keeps what the printer looks like now with the job. The content first,
// then the row.
func (q *Queue) takePicture(ctx context.Context, j grove.Job) error {
	ctx, cancel := context.WithTimeout(ctx, pictureTime)
	defer cancel()
	picture, err := q.Printers.Still(ctx, j.Serial)
	if err != nil {
		return err
	}
	if err := q.Files.KeepPicture(ctx, j.ID, picture); err != nil {
		return err
	}
	_, err = q.Records.UpdateJob(ctx, j.ID, func(j *grove.Job) ([]grove.Event, error) {
		j.PicturedAt = time.Now().UTC()
		return nil, nil
	})
	return err
}
