package library

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/grovecloud/grove"
)

const (
	jobPictures    = "pictures/"
	maxJobPicture  = 10 << 20 // bytes
	jobPictureLife = time.Hour
)

func jobPictureName(job int64) string { return jobPictures + strconv.FormatInt(job, 10) + ".jpg" }
func jobPicturePath(job int64) string { return "/j/" + strconv.FormatInt(job, 10) + "/snapshot.jpg" }

// KeepPicture keeps what a printer looked like at the end of a job, as JPEG of up to
// 10 MB, where there is room.
func (l *Library) KeepPicture(ctx context.Context, job int64, jpeg []byte) error {
	if len(jpeg) > maxJobPicture {
		return grove.Errorf(grove.TooLarge, "picture_too_large", "the picture at the end of job %d has %d bytes, and %d are kept", job, len(jpeg), maxJobPicture)
	}
	if err := l.room(ctx, int64(len(jpeg))); err != nil {
		return err
	}
	if _, err := l.Blobs.Put(ctx, jobPictureName(job), bytes.NewReader(jpeg)); err != nil {
		return fmt.Errorf("keep picture of job %d: %w", job, err)
	}
	return nil
}

// JobPictureURL is where the picture of a job is fetched without a credential, for an
// hour; empty when it has none.
func (l *Library) JobPictureURL(j *grove.Job) string {
	if j.PicturedAt.IsZero() {
		return ""
	}
	return l.SignedURL(jobPicturePath(j.ID), jobPictureLife)
}

// SignedJobPicture is the picture of a job, by the signature of a
// [Library.JobPictureURL]. NotFound when it is not kept any more.
func (l *Library) SignedJobPicture(ctx context.Context, job int64, sig Signature) ([]byte, error) {
	if err := l.verify(methodGet, jobPicturePath(job), sig); err != nil {
		return nil, err
	}
	picture, err := l.kept(ctx, jobPictureName(job))
	if errors.Is(err, grove.NotFound) {
		return nil, grove.Errorf(grove.NotFound, "no_picture", "the picture of job %d is not kept any more", job)
	}
	return picture, err
}

// DropPictures removes the pictures of jobs that were taken before a time; the zero
// time keeps them all.
func (l *Library) DropPictures(ctx context.Context, before time.Time) (failed error) {
	if before.IsZero() {
		return nil
	}
	for b, err := range l.Blobs.List(ctx) {
		if err != nil {
			return errors.Join(failed, fmt.Errorf("list contents: %w", err))
		}
		if !strings.HasPrefix(b.Name, jobPictures) || !b.ModTime.Before(before) {
			continue
		}
		if err := l.Blobs.Delete(ctx, b.Name); err != nil {
			failed = errors.Join(failed, fmt.Errorf("delete picture of a job: %w", err))
		}
	}
	return failed
}
