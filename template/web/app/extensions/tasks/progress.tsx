import { useEffect, useEffectEvent, useState } from "react";

import { tasksFollowTask, type TaskRead } from "~/client";
import { events } from "~/core/events";
import { Message } from "~/core/ui/message";
import { Progress } from "~/core/ui/progress";

/** Shows how far a task is, from the stream of the API, and tells when it has ended. */
export function TaskProgress({
  taskId,
  label,
  onEnd,
}: {
  taskId: string;
  label: string;
  onEnd: (task: TaskRead) => void;
}) {
  const [task, setTask] = useState<TaskRead>();
  const [error, setError] = useState<Error>();
  const ended = useEffectEvent(onEnd);

  useEffect(() => {
    const abort = new AbortController();
    const follow = async () => {
      const stream = events<TaskRead>(
        (listening) => tasksFollowTask({ path: { task_id: taskId }, ...listening }),
        abort.signal,
      );
      let last: TaskRead | undefined;
      for await (const { data } of stream) {
        last = data;
        setTask(data);
        // A stream that is read to its end would be opened once more.
        if (data.ended_at) break;
      }
      if (last && !abort.signal.aborted) ended(last);
    };
    follow().catch((reason: unknown) => {
      if (!abort.signal.aborted)
        setError(reason instanceof Error ? reason : new Error(String(reason)));
    });
    return () => {
      abort.abort();
    };
  }, [taskId]);

  if (error) return <Message error>{error.message}</Message>;
  if (task?.ended_at) {
    return task.state === "success" ? (
      <Message>{label}: done.</Message>
    ) : (
      <Message error>
        {label}: {task.reason ?? task.state}
      </Message>
    );
  }
  return <Progress label={`${label} …`} done={task?.progress_done} total={task?.progress_total} />;
}
