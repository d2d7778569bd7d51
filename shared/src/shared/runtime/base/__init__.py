"""What everything else stands on: problems, settings, time, ids, who acts."""
