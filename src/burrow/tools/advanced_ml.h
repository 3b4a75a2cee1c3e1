/* advanced_ml: blueprints of tasks (advanced_ml.c); documents against code, links between
 * documents, complexity, reports (advanced_ml_documents.c). */
#ifndef BURROW_TOOLS_ADVANCED_ML_H
#define BURROW_TOOLS_ADVANCED_ML_H

#include "burrow/tools/tool.h"

int ml_detect_documentation_drift(struct tool_call *call);
int ml_documentation_score(struct tool_call *call);
int ml_validate_documentation(struct tool_call *call);
int ml_auto_link_documents(struct tool_call *call);
int ml_analyze_task_complexity(struct tool_call *call);
int ml_taskmaster_metrics(struct tool_call *call);
int ml_performance_report(struct tool_call *call);

/* 0 to 100 of so many of each, and what it is made of: {"score", "drivers": [{"name", "value",
 * "points"}]}, the heaviest first. */
struct ml_driver {
    const char *name;
    double value, weight, most; /* points are weight * value, at most `most` */
};
json_t *ml_complexity(const struct ml_driver *drivers, size_t count);

#endif
