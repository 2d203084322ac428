"""What each page shows: texts and tones, made once for its template."""
